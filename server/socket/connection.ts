import type { CloseReason } from '../protocol/close.ts'
import type { Sent } from '../protocol/message.ts'

/**
 * What the socket machine needs of a transport's connection. Every member may be called at any time and
 * does nothing once the connection is closed. Frames arrive in the order they were handed over, `send` and
 * `publish` mixed.
 */
export interface Connection {
  /** `isBinary` names the opcode: bytes may hold text that was encoded once for many. */
  send(data: string | Uint8Array, isBinary: boolean): Sent
  /** Ends the connection after what was sent; the transport then reports it closed, once. */
  close(reason: CloseReason): void
  /** Joins a lane of the transport: what `Lanes.publish` sends on it arrives here. */
  subscribe(lane: string): void
  unsubscribe(lane: string): void
  /** To every connection on the lane but this one; to all where this one is closed. */
  publish(lane: string, data: string | Uint8Array, isBinary: boolean): void
  /** Calls `listener` once, when what was buffered has been written (or the connection closed). */
  onceDrained(listener: () => void): void
}

/** Fan-out that the transports do natively: one call, no JavaScript per receiver. */
export interface Lanes {
  publish(lane: string, data: string | Uint8Array, isBinary: boolean): void
}
