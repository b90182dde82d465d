/** The way down: running handlers finish, every socket is closed with 1012, in batches, every channel ends. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Telemetry } from './telemetry.ts'
import type { Connections } from './transport/connections.ts'

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
/** For the close frame to leave and the client's answer to come: a socket closed with unread data is reset. */
const FLUSH_MS = 500

const anyBusy = (connections: Connections): boolean => {
  for (const { socket } of connections) if (socket?.busy) return true
  return false
}

/** What there is to drain. */
export interface Draining {
  readonly connections: Connections
  /** How many `terminate` still run. */
  readonly endings: { readonly running: number }
  readonly telemetry: Telemetry
}

/**
 * Waits until no handler runs (half of the time at most), closes batch by batch, lets the close frames arrive,
 * then waits for the channels' `terminate`. Batches are spread over no more than what is left of the deadline.
 */
export async function drain(draining: Draining, options: DrainOptions): Promise<void> {
  const { connections, endings, telemetry } = draining
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
  if (total > 0 && left() > 0) await sleep(Math.min(FLUSH_MS, left()))
  while (endings.running > 0 && left() > 0) await sleep(POLL_MS)
}
