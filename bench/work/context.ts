import type { Opening, Paced, Pacing, Pumped, Pumping } from '../load/worker.ts'
import { Child, cpuMicros } from '../process.ts'

/** How much of everything: the whole bench, or its quick form. */
export interface Scale {
  readonly rounds: number
  /** How long one contestant's turn lasts. */
  readonly turnMs: number
  readonly subscribers: number
  readonly idle: number
}

/** What is to be reached, and whether it was. */
export interface Goal {
  readonly work: string
  readonly goal: string
  readonly measured: string
  readonly met: boolean
}

/** One line of a table: whose figure, and how it stands to the control's. */
export interface Row {
  readonly work: string
  readonly who: string
  readonly figure: number
  readonly unit: string
  readonly ratio?: number
}

export interface Outcome {
  readonly rows: readonly Row[]
  readonly goals: readonly Goal[]
}

export interface Context {
  readonly scale: Scale
  readonly load: Load
}

/** Makes goals whose value is to stand so to their limit. */
const goalThat =
  (relation: string, holds: (value: number, limit: number) => boolean) =>
  (work: string, value: number, limit: number, inWords: (value: number) => string): Goal => ({
    work,
    goal: `${relation} ${inWords(limit)}`,
    measured: inWords(value),
    met: holds(value, limit),
  })

export const atMost = goalThat('at most', (value, limit) => value <= limit)

export const atLeast = goalThat('at least', (value, limit) => value >= limit)

export const times = (value: number): string => `${value.toFixed(2)} ×`

/** The load client's process. */
export class Load {
  readonly #child = new Child('load/worker.ts')

  open(opening: Opening): Promise<void> {
    return this.#child.call('open', opening)
  }

  settled(group: string): Promise<void> {
    return this.#child.call('settled', group)
  }

  pump(pumping: Pumping): Promise<Pumped> {
    return this.#child.call('pump', pumping)
  }

  pace(pacing: Pacing): Promise<Paced> {
    return this.#child.call('pace', pacing)
  }

  received(group: string): Promise<readonly number[]> {
    return this.#child.call('received', group)
  }

  until(group: string, each: readonly number[]): Promise<void> {
    return this.#child.call('until', { group, each })
  }

  close(group: string): Promise<void> {
    return this.#child.call('close', group)
  }

  stop(): void {
    this.#child.stop()
  }
}

/** The processor time that all of the processes use while `work` runs, in microseconds; and its result. */
export async function cpuWhile<T>(
  pids: readonly number[],
  work: () => Promise<T>,
): Promise<{ readonly micros: number; readonly result: T }> {
  const used = () => pids.reduce((sum, pid) => sum + cpuMicros(pid), 0)
  const before = used()
  const result = await work()
  return { micros: used() - before, result }
}
