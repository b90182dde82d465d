import type { Socket } from '../socket/socket.ts'

/** A client's connection, of whatever transport, as the endpoint sees it. */
export interface Served {
  /** Undefined while it is being made. */
  readonly socket: Socket | undefined
  /** How long the client may give no sign of life, in milliseconds. */
  readonly timeoutMs: number
  /** How long it has given none, as far as was looked; `now` is that of `performance.now()`. */
  silentMs(now: number): number
}

/** The connections of one endpoint: who is there to sweep, to drain, to count. */
export type Connections = Set<Served>

/** Closes what has been silent for longer than its mount allows. */
export function closeIdle(connections: Connections): void {
  const now = performance.now()
  for (const connection of connections) {
    if (connection.silentMs(now) > connection.timeoutMs) connection.socket?.close('idle')
  }
}
