/** What the server asks for where it does not say (`reconnectJitterMs`). */
const JITTER_MS = 5_000

/**
 * For the option `reconnectAfterMs` of phoenix.js's `Socket`: spreads the return of many clients, so that a
 * server that comes back is not met by all of them at once. `jitterMs` gives what the server asked for, in
 * milliseconds: `() => session?.reconnectJitterMs`.
 */
export const spreadReconnects =
  (jitterMs: () => number | undefined = () => undefined) =>
  (tries: number): number =>
    Math.random() * (jitterMs() ?? JITTER_MS) * Math.min(tries, 3)
