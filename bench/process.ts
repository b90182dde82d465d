/** Child processes that answer calls over IPC: the servers that are measured, and the clients that load them. */
import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

type Handlers = Readonly<Record<string, (argument: never) => unknown>>

interface Call {
  readonly id: number
  readonly name: string
  readonly argument: unknown
}

type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string }

/** In a child: answers its parent's calls, and ends with it. */
export function answerCalls(handlers: Handlers): void {
  process.on('disconnect', () => process.exit())
  process.on('message', async ({ id, name, argument }: Call) => {
    let answer: Answer
    try {
      answer = { id, result: await handlers[name]?.(argument as never) }
    } catch (error) {
      answer = { id, error: String(error) }
    }
    process.send?.(answer)
  })
}

/** The longest call opens thousands of connections. */
const CALL_MS = 60_000

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export class Child {
  readonly #process: ChildProcess
  readonly #calls = new Map<number, (answer: Answer) => void>()
  #nextCall = 0

  /** Forks a module of this folder; `flags` are Node's, and `cwd` where what these write goes. */
  constructor(
    file: string,
    env: Readonly<Record<string, string>> = {},
    { flags = [], cwd }: { readonly flags?: readonly string[]; readonly cwd?: string } = {},
  ) {
    const { PATH, HOME } = process.env
    const child = fork(join(import.meta.dirname, file.replace('.ts', '.js')), {
      execArgv: ['--expose-gc', ...flags],
      cwd,
      env: { PATH, HOME, NODE_ENV: 'production', ...env },
    })
    running.add(child)
    child.on('message', (answer: Answer) => this.#calls.get(answer.id)?.(answer))
    child.on('exit', (code, signal) => {
      running.delete(child)
      for (const [id, end] of this.#calls) end({ id, error: `${file} ended: ${signal ?? code}` })
    })
    this.#process = child
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  /** Rejects with what the child's handler threw, when the child ends, or when it takes too long. */
  call<T>(name: string, argument?: unknown): Promise<T> {
    this.#nextCall += 1
    const id = this.#nextCall
    return new Promise((resolve, reject) => {
      const end = (answer: Answer) => this.#calls.get(id)?.(answer)
      const timer = setTimeout(() => end({ id, error: `${name}: no answer` }), CALL_MS)
      this.#calls.set(id, (answer) => {
        clearTimeout(timer)
        this.#calls.delete(id)
        if ('error' in answer) reject(new Error(answer.error))
        else resolve(answer.result as T)
      })
      this.#process.send({ id, name, argument } satisfies Call)
    })
  }

  stop(): void {
    this.#process.kill('SIGKILL')
  }
}

/** Processor time that a process has used so far, in its own code and in the kernel, in microseconds. */
export function cpuMicros(pid: number): number {
  // The name, in parentheses, may hold anything; utime and stime are fields 14 and 15, in ticks of 10 ms.
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

/** Resident memory of a process, in bytes. */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1_024
}
