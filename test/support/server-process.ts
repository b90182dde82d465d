import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { within } from './deadline.ts'

/** How the server that is shipped, and every program of the tests, says where it listens. */
export const LISTENING = /^(?:agent-channels is )?listening on (http:\S+)/m

/** With the compiler cold and the machine busy. */
const READY_MS = 30_000
/** Longer than a server's own drain may take (contract 2, DRAIN_MS). */
const STOP_MS = 25_000

/** What to start, and how it tells that it is ready. */
export interface ProcessOptions {
  /** The arguments of `node`. */
  readonly args: readonly string[]
  /** Beside PATH and HOME, which are all that it inherits. */
  readonly env?: Readonly<Record<string, string>>
  /** Found in the whole lines of its standard output: it is ready. The first group is its URL. */
  readonly ready: RegExp
  /** How long it may take to become ready, in milliseconds. */
  readonly readyMs?: number
}

/** How a process ended: its exit code, or the signal that ended it. */
interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A running process of ours. */
export interface ServerProcess {
  readonly url: string
  readonly pid: number
  /** Its standard output and error so far, as they came. */
  output(): string
  /** Sends a signal (SIGTERM) and waits for the end. One that does not end is killed, and an error. */
  stop(signal?: NodeJS.Signals): Promise<Exit>
  /** Ends it as a power cut would. */
  kill9(): Promise<void>
}

/** Processes that a test left running end with the test run, at the latest. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/**
 * Starts `node` as a process of its own and waits until it says that it is ready. Rejects with its
 * output when it ends before that, or is not ready in time; then it is killed.
 */
export async function startProcess(options: ProcessOptions): Promise<ServerProcess> {
  const { PATH, HOME } = process.env
  const child = spawn(process.execPath, options.args, {
    env: { PATH, HOME, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = endOf(child)
  const output = collectOutput(child)
  const ready = readyLine(child, options.ready, ended)
  await once(child, 'spawn')
  const { pid } = child
  if (pid === undefined) throw new Error('a process without a pid')

  const kill9 = async (): Promise<void> => {
    child.kill('SIGKILL')
    await within(ended, STOP_MS, () => `the end of process ${pid}`)
  }
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> => {
    child.kill(signal)
    try {
      return await within(ended, STOP_MS, () => `the end of ${pid} after ${signal}\n${output()}`)
    } catch (error) {
      await kill9()
      throw error
    }
  }
  try {
    const url = await within(ready, options.readyMs ?? READY_MS, 'a line that says it is ready')
    return { url, pid, output, stop, kill9 }
  } catch (error) {
    await kill9()
    throw new Error(`node ${options.args.join(' ')}: ${String(error)}\n${output()}`)
  }
}

type Env = Readonly<Record<string, string>>

/** Starts a program in TypeScript that says where it listens. */
export const startProgram = (file: URL, env: Env): Promise<ServerProcess> =>
  startProcess({ args: ['--import', 'tsx', fileURLToPath(file)], env, ready: LISTENING })

/** Starts the server that is shipped. */
export const startServer = (env: Env): Promise<ServerProcess> =>
  startProgram(new URL('../../server/main.ts', import.meta.url), env)

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Resolves once the process has ended and all that it wrote was read. */
function endOf(child: ChildProcess): Promise<Exit> {
  running.add(child)
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      running.delete(child)
      resolve({ code, signal })
    })
  })
}

function collectOutput(child: ChildProcess): () => string {
  const parts: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => parts.push(text))
  }
  return () => parts.join('')
}

/** The first group (or all) of the first match in whole lines: half a URL is not ready. */
function readyLine(child: ChildProcess, ready: RegExp, ended: Promise<Exit>): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stdout?.on('data', (part: string) => {
      text += part
      const match = text.slice(0, text.lastIndexOf('\n') + 1).match(ready)
      if (match) resolve(match[1] ?? match[0])
    })
    void ended.then(({ code, signal }) => {
      reject(new Error(`ended with ${signal ?? code} before it was ready`))
    })
  })
}
