import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { before, describe, it } from 'mocha'
import { ERROR_CODES } from '../../channels/agent/codes.ts'
import { SETTINGS } from '../../server/config/settings.ts'
import { CLOSE } from '../../server/protocol/close.ts'

/** A README row that says something: `| a | b | c |`. */
const cells = (line: string): readonly string[] =>
  line
    .slice(1, -1)
    .split('|')
    .map((cell) => cell.trim())

const inCode = (text: string) => `\`${text}\``

/** What the README's table has to say of each variable, in the table's order. */
const settings = Object.values(SETTINGS).map((setting) => {
  const words = 'defaultInWords' in setting ? setting.defaultInWords : 'none'
  const isText = setting.default !== undefined && !('defaultInWords' in setting)
  return [inCode(setting.name), isText ? inCode(setting.default) : words, setting.meaning]
})

const closes = Object.values(CLOSE).map(({ code, when }) => [String(code), when])

describe('the README', () => {
  let rows: readonly (readonly string[])[] = []

  before(() => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
    rows = readme
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .map(cells)
  })

  it('has a row `| variable | default | meaning |` for every variable, and for no other', () => {
    const found = rows.filter(([name = '']) => /^`[A-Z][A-Z\d_]+`$/.test(name))
    expect(found).to.deep.equal(settings)
  })

  it('has a row `| code | when | … |` for every close code, and for no other', () => {
    const found = rows.filter(([code = '']) => /^\d{4}$/.test(code)).map((row) => row.slice(0, 2))
    expect(found).to.deep.equal(closes)
  })

  it('has a row `| code | message |` for every error code, and for no other', () => {
    const found = rows.filter((row) => row.length === 2 && /^`[a-z_]+`$/.test(row[0] ?? ''))
    expect(found).to.deep.equal(
      Object.entries(ERROR_CODES).map(([code, { en }]) => [inCode(code), en]),
    )
  })
})
