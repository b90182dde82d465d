import type { Payload } from './agent-client.ts'
import { within } from './deadline.ts'
import type { Operator } from './operator.ts'

/** Longer than a fault that is no time itself, and the way back. */
const PATIENCE_MS = 15_000

/** What a producer did. */
export interface Produced {
  /** What was answered with success, oldest first. */
  readonly successes: Payload[]
  /** Codes of refusals, and `lost` where the connection ended before the answer. */
  readonly failures: string[]
}

/** A producer that works until it is told to stop. */
export interface Producer extends Produced {
  /** Resolves when so many more operations have succeeded. */
  more(count: number, timeoutMs?: number): Promise<void>
  /** Resolves when so many more were refused, or not answered. */
  moreFailures(count: number, timeoutMs?: number): Promise<void>
  /** Resolves after the answer that is due. */
  stop(): Promise<Produced>
}

/** Modifies a query again and again, `paceMs` after each answer, wherever the operator is. */
export function produce(operator: Operator, paceMs = 5): Producer {
  const successes: Payload[] = []
  const failures: string[] = []
  const waiters = new Set<{ readonly isThere: () => boolean; resolve(): void }>()
  let isStopped = false
  const once = async (value: number): Promise<void> => {
    const client = await operator.client()
    const modification = [{ field: 'limit', operation: 'modify', value }]
    try {
      const { status, response } = await client.queryModify('services', modification)
      if (status === 'ok') successes.push(response)
      else failures.push(String(response['code']))
    } catch {
      failures.push('lost')
    }
  }
  const work = async (): Promise<void> => {
    for (let value = 1; !isStopped; value = (value % 1_000) + 1) {
      await once(value)
      for (const { isThere, resolve } of waiters) if (isThere()) resolve()
      await new Promise((resolve) => setTimeout(resolve, paceMs))
    }
  }
  const working = work()
  working.catch(() => {})
  const more = async (list: readonly unknown[], count: number, timeoutMs = PATIENCE_MS) => {
    const wanted = list.length + count
    const isThere = () => list.length >= wanted
    const there = new Promise<void>((resolve) => waiters.add({ isThere, resolve }))
    const what = () => `${list.length} of ${wanted} answers; failures: ${failures.slice(-3)}`
    await within(Promise.race([there, working]), timeoutMs, what)
  }
  return {
    successes,
    failures,
    more: (count, timeoutMs) => more(successes, count, timeoutMs),
    moreFailures: (count, timeoutMs) => more(failures, count, timeoutMs),
    async stop() {
      isStopped = true
      await working
      return { successes, failures }
    },
  }
}
