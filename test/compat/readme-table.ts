import { readFileSync, writeFileSync } from 'node:fs'

const README = new URL('../../README.md', import.meta.url)
/** The table of the README that is written by the matrix. */
const BETWEEN =
  /(?<=<!-- matrix: written by `npm run matrix` -->\n)[\s\S]*?(?=<!-- end of the matrix -->)/

/** A Markdown table; a column whose head is empty is aligned to the left, the others are centred. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`
  const alignment = head.map((name) => (name === '' ? '---' : ':-:'))
  return [head, alignment, ...rows].map(line).join('')
}

/** The README's table as it is now. Throws where the README has none. */
export function readmeTable(): string {
  const [table] = readFileSync(README, 'utf8').match(BETWEEN) ?? []
  if (table === undefined) throw new Error('the README has no table of clients')
  return table
}

/** Puts another table in its place. */
export function writeReadmeTable(table: string): void {
  writeFileSync(
    README,
    readFileSync(README, 'utf8').replace(BETWEEN, () => table),
  )
}
