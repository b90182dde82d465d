import { execFile } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const INSTALL_MS = 300_000

const run = promisify(execFile)

/** A program that tests need. */
export interface Program {
  /** The Debian package that brings it, under the same name. */
  readonly name: string
  /** What it may be called where something else brought it. */
  readonly aliases?: readonly string[]
  /** A shell script that is run once the package is installed. */
  readonly afterInstall?: string
}

/**
 * Sees to it that there is the program, and resolves with its path. As root, or where sudo asks for no
 * password, a missing one is installed by apt-get, by one process at a time. Rejects with one line that says
 * what to install.
 */
export async function requireProgram(program: Program): Promise<string> {
  const there = await find(program)
  if (there !== undefined) return there
  await install(program)
  const installed = await find(program)
  if (installed !== undefined) return installed
  throw new Error(`these tests need ${program.name}: apt-get install ${program.name}`)
}

/** By running it: Ubuntu has a `chromium-browser` that only says where to get one. */
async function find({ name, aliases = [] }: Program): Promise<string | undefined> {
  for (const each of [name, ...aliases]) {
    try {
      const { stdout } = await run('sh', ['-c', `command -v ${each} && ${each} --version`])
      return stdout.split('\n', 1)[0]
    } catch {}
  }
  return undefined
}

/** Whether it went well shows in whether the program is there. The kernel releases the lock of a process that died. */
async function install({ name, afterInstall = '' }: Program): Promise<void> {
  const script = `
command -v ${name} && exit
apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ${name} || exit
${afterInstall}
`
  const locked = ['flock', join(tmpdir(), 'agent-channels-install.lock'), 'sh', '-c', script]
  const [command = '', ...args] = process.getuid?.() === 0 ? locked : ['sudo', '-n', ...locked]
  try {
    await run(command, args, { timeout: INSTALL_MS })
  } catch {}
}
