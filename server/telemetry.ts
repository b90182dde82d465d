/**
 * What happens in one node, as typed signals: logger and metrics listen, nothing in the core depends on
 * who does. Each endpoint has its own set, so that two in one process do not mix their figures.
 */

/** From a handler that only answers to one that waits for somebody else; milliseconds. */
const HANDLER_BOUNDS_MS = [0.1, 0.5, 1, 5, 10, 50, 100, 500, 1_000, 5_000, 10_000]

/** A channel of one kind of event. Publishing to nobody costs a comparison. */
export class Signal<T> {
  readonly #listeners = new Set<(value: T) => void>()

  /** Whether anybody listens: ask before building a costly value. */
  get active(): boolean {
    return this.#listeners.size > 0
  }

  /** A throwing listener harms neither the publisher nor other listeners (C8.10). */
  publish(value: T): void {
    for (const listener of this.#listeners) {
      try {
        listener(value)
      } catch (error) {
        const message = error instanceof Error ? error.message : undefined
        // Whatever is thrown must not throw again here.
        const reason = typeof message === 'string' ? message : typeof error
        process.emitWarning(`a telemetry listener threw: ${reason}`)
      }
    }
  }

  /** Returns the function that ends the subscription. */
  subscribe(listener: (value: T) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

/**
 * How long something took, counted by how long: what a histogram of metrics is made of, without a
 * library's price for each message.
 */
export class Durations {
  /** Upper bounds in milliseconds, ascending. */
  readonly bounds: readonly number[]
  /** How many took at most the bound at the same place and more than the one before; the last, more than all. */
  readonly counts: Float64Array
  /** Milliseconds in all. */
  sum = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  observe(ms: number): void {
    const { bounds, counts } = this
    let at = 0
    while (at < bounds.length && ms > Number(bounds[at])) at += 1
    counts[at] = Number(counts[at]) + 1
    this.sum += ms
  }
}

/** Durations are milliseconds. `params` and `payload` are what a client sent: filter before logging. */
export interface Telemetry {
  /** A connect that the app let in, or refused (C8.1). */
  readonly connected: Signal<{
    readonly transport: string
    readonly vsn: string
    readonly result: 'ok' | 'error'
    /** Why the app refused, where it said so. */
    readonly reason?: unknown
    readonly params: unknown
    readonly durationMs: number
  }>
  /** A connect that is refused, but not by the app: for its origin, its headers …, or because `connect` threw. */
  readonly refused: Signal<{ readonly transport: string; readonly reason: string }>
  /** A connection that ended. */
  readonly disconnected: Signal<{ readonly transport: string; readonly code: number }>
  /** A join that was answered ok or error (C8.2). */
  readonly joined: Signal<{
    readonly topic: string
    readonly result: 'ok' | 'error'
    readonly params: unknown
    readonly durationMs: number
  }>
  /** A joined channel that ended, for whatever reason. */
  readonly left: Signal<{ readonly topic: string; readonly reason: string }>
  /** A client's message that a handler finished without throwing (C8.3). */
  readonly handled: Signal<{
    readonly topic: string
    readonly event: string
    readonly ref: unknown
    readonly payload: unknown
    readonly durationMs: number
  }>
  /** Something threw: the channel named by `topic`, or the connection where there is none. */
  readonly crashed: Signal<{ readonly topic: string | undefined; readonly error: unknown }>
  /** A broadcast made on this node. */
  readonly broadcast: Signal<{ readonly topic: string; readonly event: string }>
  /** A pulse of another node came, so long after it was sent. */
  readonly pulse: Signal<{ readonly lagMs: number }>
  /** Something that was not delivered, and why. */
  readonly dropped: Signal<{ readonly reason: string; readonly count: number }>
  /** What deserves a warning and has no signal of its own. */
  readonly warned: Signal<{ readonly message: string; readonly topic?: string }>
  /** One round of a drain (C8.4). */
  readonly drained: Signal<{
    readonly count: number
    readonly total: number
    readonly index: number
    readonly rounds: number
  }>
  /** How long handlers took, counted where a signal per message would cost too much. */
  readonly handlers: Durations
  /** Frames, counted where a signal per frame would cost too much. */
  readonly frames: { in: number; out: number }
}

export function createTelemetry(): Telemetry {
  return {
    connected: new Signal(),
    refused: new Signal(),
    disconnected: new Signal(),
    joined: new Signal(),
    left: new Signal(),
    handled: new Signal(),
    crashed: new Signal(),
    broadcast: new Signal(),
    pulse: new Signal(),
    dropped: new Signal(),
    warned: new Signal(),
    drained: new Signal(),
    handlers: new Durations(HANDLER_BOUNDS_MS),
    frames: { in: 0, out: 0 },
  }
}
