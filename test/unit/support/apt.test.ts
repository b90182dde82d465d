import { execFile, execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'

const run = promisify(execFile)

/** In a process of its own, for the PATH. */
const REQUIRE = `
  import { requireProgram } from './test/support/apt.ts'
  const afterInstall = 'echo started >> "$TMPDIR/log"'
  const program = { name: 'wanted', aliases: ['another'], afterInstall }
  requireProgram(program).then(console.log, ({ message }) => console.log(message))`

describe('a program that tests need', () => {
  let directory = ''

  /** A machine with a shell, and no program but those that a test adds. */
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'apt-'))
    for (const tool of ['sh', 'flock', 'sleep', 'cp']) {
      const path = execFileSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).trim()
      symlinkSync(path, join(directory, tool))
    }
    add('sudo', 'shift; exec "$@"')
  })

  afterEach(() => rmSync(directory, { recursive: true }))

  function add(name: string, script: string): void {
    const path = join(directory, name)
    writeFileSync(path, `#!${join(directory, 'sh')}\n${script}\n`)
    chmodSync(path, 0o755)
  }

  const log = (): readonly string[] => {
    const path = join(directory, 'log')
    return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : []
  }

  async function required(): Promise<string> {
    const args = ['--import', 'tsx', '--input-type=module', '--eval', REQUIRE]
    const env = { PATH: directory, TMPDIR: directory }
    const { stdout } = await run(process.execPath, args, { env })
    return stdout.trimEnd()
  }

  it('is taken as it is, also under another name', async () => {
    add('wanted', 'exit 1')
    add('another', 'echo 1.0')
    expect(await required()).to.equal(join(directory, 'another'))
    expect(log()).to.deep.equal([])
  })

  it('is installed where it is missing, once for all who miss it at the same time', async () => {
    add('package', 'echo 1.0')
    add(
      'apt-get',
      `echo "$*" >> "$TMPDIR/log"
      [ "$1" = update ] || { sleep 1; cp "$TMPDIR/package" "$TMPDIR/wanted"; }`,
    )
    const paths = await Promise.all([required(), required()])
    expect(paths).to.deep.equal([join(directory, 'wanted'), join(directory, 'wanted')])
    expect(log()).to.deep.equal(['update', 'install -y --no-install-recommends wanted', 'started'])
  })

  it('is asked for in one line where it cannot be installed', async () => {
    add('apt-get', 'echo "$*" >> "$TMPDIR/log"; exit 100')
    expect(await required()).to.equal('these tests need wanted: apt-get install wanted')
    expect(log()).to.deep.equal(['update'])
  })
})
