import { readFileSync } from 'node:fs'

/** The version of an installed package, also of one that does not export its package.json. */
export function versionOf(name: string): string {
  const file = new URL(`../../node_modules/${name}/package.json`, import.meta.url)
  return String(JSON.parse(readFileSync(file, 'utf8')).version)
}
