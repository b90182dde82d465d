import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { ERROR_CODES } from '../../channels/agent/codes.ts'
import { LIMIT_SETTINGS } from '../../server/config/limit-settings.ts'
import { SETTINGS } from '../../server/config/settings.ts'
import { CLOSE } from '../../server/protocol/close.ts'
import { JOIN_LIMITS } from '../../server/socket/limited.ts'
import { CROWDED } from '../../server/transport/admission.ts'

const PROJECT = fileURLToPath(new URL('../..', import.meta.url))
const readme = readFileSync(join(PROJECT, 'README.md'), 'utf8')

/** The TypeScript of one of the README's parts. */
function codeOf(title: string): string {
  const part = readme.split('\n## ').find((each) => each.startsWith(`${title}\n`))
  return /```ts\n(.*?)```/s.exec(part ?? '')?.[1] ?? ''
}

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

/** `5,000 a second` and `1 MiB` as the variables have them. */
function figuresIn(text: string): readonly number[] {
  const units = new Map([
    ['MiB', 1_048_576],
    ['min', 60_000],
  ])
  return [...text.matchAll(/(\d[\d,]*)(?: (MiB|min))?/g)].map(
    ([, digits = '', unit = '']) => Number(digits.replaceAll(',', '')) * (units.get(unit) ?? 1),
  )
}

describe('the README’s table of limits', () => {
  const part = readme.split('\n## ').find((each) => each.startsWith('Limits\n')) ?? ''
  const limits = part
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map(cells)
    .filter((row) => row.length === 5)

  const limitSettings: readonly { readonly name: string; readonly default: string }[] = [
    SETTINGS.maxFrameBytes,
    SETTINGS.maxChannels,
    ...Object.values(LIMIT_SETTINGS).filter(({ name }) => name !== 'UNLIMITED_ADDRESSES'),
  ]
  for (const { name, default: text } of limitSettings) {
    it(`has ${name} in one row, with its default`, () => {
      const named = limits.filter((row) =>
        row.slice(1, 3).some((cell) => cell.includes(inCode(name))),
      )
      expect(named).to.have.length(1)
      expect(figuresIn(named[0]?.[2] ?? '')).to.include(Number(text))
    })
  }

  for (const [reason, { status }] of Object.entries(CROWDED)) {
    it(`has ${reason} with its HTTP status`, () => {
      const row = limits.find(([, , , , counted]) => counted?.includes(inCode(reason)))
      expect(row?.[0]).to.equal(`HTTP ${status}`)
    })
  }

  for (const [reason, answer] of Object.entries(JOIN_LIMITS)) {
    it(`has ${reason} with what the join is refused with`, () => {
      const row = limits.find(([, , , , counted]) => counted?.includes(inCode(reason)))
      expect(row?.[0]).to.equal(`join refused: ${inCode(answer)}`)
    })
  }

  it('says of every answer whether phoenix.js comes back', () => {
    for (const [answer, , , back] of limits.slice(1)) expect(back, answer).to.match(/^(yes|stays)/)
  })
})

describe('SECURITY.md', () => {
  const security = readFileSync(join(PROJECT, 'SECURITY.md'), 'utf8')

  it('names a test for each promise, and each of them is there', () => {
    const [, promises = ''] = /\n## What is promised(.*?)\n## /s.exec(security) ?? []
    const items = promises.split('\n- ').slice(1)
    expect(items).to.not.have.length(0)
    for (const item of items) {
      const files = [...item.matchAll(/`(test\/[^`]+)`/g)].map(([, file = '']) => file)
      expect(files, item).to.not.have.length(0)
      for (const file of files) expect(existsSync(join(PROJECT, file)), file).to.equal(true)
    }
  })

  it('is where the README says it is', () => {
    expect(readme).to.include('[SECURITY.md](SECURITY.md)')
  })
})

describe('the README’s figures on speed', () => {
  const written = /<!-- speed: .*? -->\n(.*?)\n<!-- end of speed -->/s
  const results = readFileSync(join(PROJECT, 'bench/RESULTS.md'), 'utf8')

  it('are those that `npm run bench` found', () => {
    expect(written.exec(readme)?.[1]).to.be.a('string').that.includes('µs')
    expect(written.exec(readme)?.[1]).to.equal(written.exec(results)?.[1])
  })
})

describe('the README’s channel and its test', function () {
  this.timeout(60_000)
  const modules = createRequire(import.meta.url)
  /** A command of a package, from its own directory. */
  const bin = (name: string, path: string) =>
    join(dirname(modules.resolve(`${name}/package.json`)), path)
  let root = ''

  /** What the command prints; where it fails, that is the error. */
  const run = (...args: readonly string[]) =>
    new Promise<string>((resolve, reject) => {
      execFile(process.execPath, args, { cwd: root }, (error, stdout, stderr) =>
        error ? reject(new Error(stdout + stderr)) : resolve(stdout),
      )
    })

  /** The project with the two files that the README shows, and no others. */
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'readme-'))
    for (const name of ['server', 'dist', 'node_modules', 'package.json']) {
      symlinkSync(join(PROJECT, name), join(root, name))
    }
    const options = { extends: join(PROJECT, 'tsconfig.json'), include: ['room*.ts'] }
    writeFileSync(join(root, 'tsconfig.json'), JSON.stringify(options))
  })

  after(() => rmSync(root, { recursive: true }))

  /** Writes the files, checks their types and runs the test. */
  async function tryOut(rename: (code: string) => string): Promise<void> {
    const files = { 'room.ts': 'Writing a channel', 'room.test.ts': 'Testing a channel' }
    for (const [file, title] of Object.entries(files)) {
      writeFileSync(join(root, file), rename(codeOf(title)))
    }
    await run(bin('typescript', 'bin/tsc'))
    const mocha = bin('mocha', 'bin/mocha.js')
    const output = await run(mocha, '--no-config', '--import=tsx', 'room.test.ts')
    expect(output).to.include('1 passing')
  }

  it('pass, in 15 lines', async () => {
    expect(codeOf('Testing a channel').trimEnd().split('\n')).to.have.length.within(1, 15)
    await tryOut((code) => code)
  })

  it('pass in another package, which imports what was built of this one', async () => {
    await run(join(PROJECT, 'scripts/build.mjs'))
    await tryOut((code) =>
      code
        .replace('./server/index.ts', 'agent-channels')
        .replace('./server/testing/index.ts', 'agent-channels/testing'),
    )
  })
})
