import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'

const PROJECT = fileURLToPath(new URL('../..', import.meta.url))
const MODULES = 40

describe('scripts/build.mjs', function () {
  this.timeout(60_000)
  let root = ''

  /** A small project with the real one's build, options and compiler. */
  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'build-')))
    for (const file of ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts']) {
      cpSync(join(PROJECT, file), join(root, file), { recursive: true })
    }
    symlinkSync(join(PROJECT, 'node_modules'), join(root, 'node_modules'))
    for (const folder of ['client', 'server']) mkdirSync(join(root, folder))
    mkdirSync(join(root, 'channels/deep'), { recursive: true })
    write('server/main.ts', "import { n } from '../channels/deep/n.ts'\nconsole.log(n)\n")
    write('channels/deep/n.ts', 'export const n: number = 1\n')
    write('client/c.ts', 'export const c: number = 1\n')
    for (let index = 0; index < MODULES; index += 1) {
      write(`server/m${index}.ts`, `export const value: number = ${index}\n`)
    }
  })

  afterEach(() => rmSync(root, { recursive: true }))

  const write = (file: string, text: string) => writeFileSync(join(root, file), text)
  const read = (file: string) => readFileSync(join(root, file), 'utf8')
  const leftovers = () => readdirSync(root).filter((name) => name.startsWith('.build'))
  const start = (...args: string[]) => spawn(process.execPath, args, { cwd: root })

  async function end(child: ChildProcess): Promise<{ code: unknown; output: string }> {
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    }
    const [code] = await once(child, 'close')
    return { code, output }
  }
  const build = () => end(start('scripts/build.mjs'))
  const run = async () => (await end(start('dist/server/main.js'))).output

  it('compiles client/, server/ and channels/ into dist/, with source maps and types', async () => {
    expect(await build()).to.deep.equal({ code: 0, output: '' })
    expect(await run()).to.equal('1\n')
    expect(existsSync(join(root, 'dist/server/main.js.map'))).to.equal(true)
    expect(read('dist/client/c.d.ts')).to.contain('const c: number')
    expect(leftovers()).to.deep.equal([])
  })

  it('leaves a complete dist/ when three run at once', async () => {
    const results = await Promise.all([build(), build(), build()])
    expect(results.map(({ code }) => code)).to.deep.equal([0, 0, 0])
    expect(await run()).to.equal('1\n')
    for (let index = 0; index < MODULES; index += 1) {
      expect(read(`dist/server/m${index}.js`)).to.contain(`value = ${index};`)
    }
    expect(leftovers()).to.deep.equal([])
  })

  it('touches nothing when dist/ is up to date', async () => {
    await build()
    write('dist/server/main.js', 'console.log("mine")\n')
    await build()
    expect(await run()).to.equal('mine\n')
  })

  for (const file of ['channels/deep/n.ts', 'tsconfig.json', 'package-lock.json']) {
    it(`builds again after a change of ${file}`, async () => {
      await build()
      const before = read('dist/.build-hash')
      write(file, existsSync(join(root, file)) ? `${read(file)} ` : '{}')
      await build()
      expect(read('dist/.build-hash')).not.to.equal(before)
    })
  }

  it('replaces what changed, and only that', async () => {
    await build()
    const inodeOf = (file: string) => statSync(join(root, file)).ino
    const untouched = inodeOf('dist/server/main.js')
    write('channels/deep/n.ts', 'export const n: number = 2\n')
    await build()
    expect(await run()).to.equal('2\n')
    expect(inodeOf('dist/server/main.js')).to.equal(untouched)
  })

  it('keeps what a running server may still load, even where its source is gone', async () => {
    await build()
    rmSync(join(root, 'server/m0.ts'))
    await build()
    expect(existsSync(join(root, 'dist/server/m0.js'))).to.equal(true)
  })

  it('fails on a type error, and leaves dist/ as it was', async () => {
    await build()
    const before = read('dist/.build-hash')
    write('channels/deep/n.ts', "export const n: number = 'two'\n")
    const { code, output } = await build()
    expect(code).to.equal(1)
    expect(output).to.contain('channels/deep/n.ts')
    expect(await run()).to.equal('1\n')
    expect(read('dist/.build-hash')).to.equal(before)
    expect(leftovers()).to.deep.equal([])
  })
})
