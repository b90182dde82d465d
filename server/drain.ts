/** The way down: running handlers finish, every socket is closed with 1012, in batches, every channel ends. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Telemetry } from './telemetry.ts'
import type { Connections } from './transport/connections.ts'

export interface DrainOptions {
  /** All of it takes at most so long. */
  readonly deadlineMs: number
  /** Sockets closed at once; more where the deadline would not suffice. */
  readonly batchSize: number
  /** Between two batches, so that clients do not all come back at once. */
  readonly batchIntervalMs: number
  /** Called when handlers have had their time: what still runs is to answer now. */
  readonly cancel?: () => void
}

export const DRAIN_DEFAULTS: DrainOptions = {
  deadlineMs: 20_000,
  batchSize: 100,
  batchIntervalMs: 100,
}

/** Of the deadline: until when a socket whose handler runs is let be, and by when all are closed. */
const PATIENCE = 1 / 2
const CLOSED_BY = 3 / 4
/** So long may what was cancelled take to answer: at most half of what is left until all are closed. */
const ANSWER_MS = 1_000
const POLL_MS = 10
/** For the close frame to leave and the client's answer to come: a socket closed with unread data is reset. */
const FLUSH_MS = 500

/** What there is to drain. */
export interface Draining {
  readonly connections: Connections
  /** How many `terminate` still run. */
  readonly endings: { readonly running: number }
  readonly telemetry: Telemetry
}

/**
 * Closes batch by batch, those first that wait for nothing; lets the close frames arrive, then waits for the
 * channels' `terminate`. A socket is served until it is closed.
 */
export async function drain(draining: Draining, options: DrainOptions): Promise<void> {
  const { connections, endings } = draining
  const endsAt = performance.now() + options.deadlineMs
  const left = () => endsAt - performance.now()
  const total = connections.size
  await closeAll(draining, options)
  if (total > 0 && left() > 0) await sleep(Math.min(FLUSH_MS, left()))
  // Who was being let in when the drain began.
  for (const { socket } of connections) socket?.close('draining')
  while (endings.running > 0 && left() > 0) await sleep(POLL_MS)
}

async function closeAll(draining: Draining, options: DrainOptions): Promise<void> {
  const { connections, telemetry } = draining
  const { deadlineMs, batchSize, batchIntervalMs, cancel } = options
  const startedAt = performance.now()
  const until = (part: number) => startedAt + part * deadlineMs - performance.now()
  const total = connections.size
  const answerMs = Math.min(ANSWER_MS, ((CLOSED_BY - PATIENCE) * deadlineMs) / 2)
  let isCancelled = false
  let index = 1
  while (connections.size > 0) {
    if (!isCancelled && until(PATIENCE) <= 0) {
      isCancelled = true
      cancel?.()
      // What can answer at once has done so by then.
      await sleep(POLL_MS)
    }
    const isPatient = until(PATIENCE) + answerMs > 0
    const roundsLeft = Math.max(1, Math.floor(until(CLOSED_BY) / Math.max(1, batchIntervalMs)))
    const size = Math.max(batchSize, Math.ceil(connections.size / roundsLeft))
    const count = closeBatch(connections, size, isPatient)
    if (count === 0 && !isPatient) return
    if (count > 0) {
      const rounds = index + Math.ceil(connections.size / size)
      telemetry.drained.publish({ count, total, index, rounds })
      index += 1
    }
    const pauseMs = count > 0 ? batchIntervalMs : POLL_MS
    if (connections.size > 0) await sleep(Math.min(pauseMs, Math.max(0, until(CLOSED_BY))))
  }
}

/** Closes up to `size` connections; without patience also those whose handlers run. Returns how many. */
function closeBatch(connections: Connections, size: number, isPatient: boolean): number {
  let count = 0
  for (const { socket } of connections) {
    if (!socket || (isPatient && socket.busy)) continue
    socket.close('draining')
    count += 1
    if (count === size) break
  }
  return count
}
