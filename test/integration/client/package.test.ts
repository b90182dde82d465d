import { spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'

const PROJECT = fileURLToPath(new URL('../../..', import.meta.url))
const TSC = join(
  dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
  'bin/tsc',
)
/** What an application has installed beside this package. */
const INSTALLED = ['phoenix', '@types/phoenix', '@sinclair/typebox']

const tsc = (cwd: string, ...args: string[]): string => {
  const { stdout, stderr } = spawnSync(process.execPath, [TSC, ...args], { cwd, encoding: 'utf8' })
  return stdout + stderr
}

/** Every module that a module loads, itself included; foreign ones by their names. */
function loads(file: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(file)) return seen
  seen.add(file)
  if (!file.startsWith('/')) return seen
  for (const [, name = ''] of readFileSync(file, 'utf8').matchAll(
    /(?:from|import) ?['"](.+?)['"]/g,
  )) {
    loads(name.startsWith('.') ? join(dirname(file), name) : name, seen)
  }
  return seen
}

describe('the package entry agent-channels/client/agent', () => {
  let app = ''
  let own = ''

  before(function () {
    this.timeout(60_000)
    app = mkdtempSync(join(tmpdir(), 'app-'))
    own = join(app, 'node_modules/agent-channels')
    mkdirSync(own, { recursive: true })
    cpSync(join(PROJECT, 'package.json'), join(own, 'package.json'))
    expect(tsc(PROJECT, '-p', 'tsconfig.build.json', '--outDir', join(own, 'dist'))).to.equal('')
    for (const name of INSTALLED) {
      mkdirSync(dirname(join(app, 'node_modules', name)), { recursive: true })
      symlinkSync(join(PROJECT, 'node_modules', name), join(app, 'node_modules', name))
    }
    writeFileSync(join(app, 'package.json'), '{ "type": "module" }')
  })
  after(() => rmSync(app, { recursive: true }))

  it('loads phoenix and modules of its own folder, and nothing of the server', () => {
    const modules = [...loads(join(own, 'dist/client/agent/index.js'))]
    const foreign = modules.filter((name) => !name.startsWith(join(own, 'dist/client/agent/')))
    expect(foreign).to.deep.equal(['phoenix'])
    expect(modules).to.have.length.greaterThan(5)
  })

  it('gives an application that checks its libraries, too, every type of the README’s example', () => {
    const readme = readFileSync(join(PROJECT, 'README.md'), 'utf8')
    const examples = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code = '']) => code)
    const example = examples.find((code) => code.includes('agent-channels/client/agent')) ?? ''
    const wrong = "session.on('agent_query_modified', ({ nothing }) => nothing)\n"
    writeFileSync(join(app, 'app.ts'), example + wrong)
    const options = ['--strict', '--noEmit', '--target', 'es2023', '--module', 'nodenext']
    const output = tsc(app, ...options, '--lib', 'es2023,dom', '--types', 'phoenix', 'app.ts')
    expect(output.trim().split('\n')).to.have.lengthOf(1)
    expect(output).to.match(/^app\.ts\(\d+,\d+\): error TS2339: Property 'nothing' does not exist/)
  })
})
