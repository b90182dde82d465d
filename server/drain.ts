/** The way down: running handlers finish, then every socket is closed with 1012, in batches. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Telemetry } from './telemetry.ts'
import type { Connections } from './transport/websocket.ts'

export interface DrainOptions {
  /** All of it takes at most so long. */
  readonly deadlineMs: number
  /** Sockets closed at once. */
  readonly batchSize: number
  /** Between two batches, so that clients do not all come back at once. */
  readonly batchIntervalMs: number
}

export const DRAIN_DEFAULTS: DrainOptions = {
  deadlineMs: 20_000,
  batchSize: 1_000,
  batchIntervalMs: 200,
}

const POLL_MS = 10

const anyBusy = (connections: Connections): boolean => {
  for (const { socket } of connections) if (socket?.busy) return true
  return false
}

/**
 * Waits until no handler runs (half of the time at most), then closes batch by batch. Batches are spread
 * over no more than what is left of the deadline.
 */
export async function drain(
  connections: Connections,
  options: DrainOptions,
  telemetry: Telemetry,
): Promise<void> {
  const startedAt = performance.now()
  const left = () => options.deadlineMs - (performance.now() - startedAt)
  while (anyBusy(connections) && left() > options.deadlineMs / 2) await sleep(POLL_MS)

  const total = connections.size
  const rounds = Math.ceil(total / options.batchSize)
  for (let index = 1; index <= rounds; index += 1) {
    const batch = [...connections].slice(0, options.batchSize)
    for (const { socket } of batch) socket?.close('draining')
    telemetry.drained.publish({ count: batch.length, total, index, rounds })
    if (index < rounds) await sleep(Math.min(options.batchIntervalMs, left() / (rounds - index)))
  }
}
