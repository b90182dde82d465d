import type { Connection, Lanes } from '../socket/connection.ts'

/**
 * Fan-out to connections of every kind: natively to WebSockets, and beside that to those that uWS knows nothing
 * of, one by one. While there are none of these, a publish costs one comparison more than uWS's own.
 */
export class SharedLanes implements Lanes {
  readonly #native: Lanes
  /** By lane, who is on it, and how often. */
  readonly #beside = new Map<string, Map<Connection, number>>()

  constructor(native: Lanes) {
    this.#native = native
  }

  publish(lane: string, data: string | Uint8Array, isBinary: boolean): void {
    this.#native.publish(lane, data, isBinary)
    this.publishBeside(lane, data, isBinary)
  }

  /** From a connection that uWS does not know, to all others. */
  publishFrom(
    sender: Connection,
    lane: string,
    data: string | Uint8Array,
    isBinary: boolean,
  ): void {
    this.#native.publish(lane, data, isBinary)
    this.publishBeside(lane, data, isBinary, sender)
  }

  /** To those that the native fan-out does not reach. */
  publishBeside(
    lane: string,
    data: string | Uint8Array,
    isBinary: boolean,
    sender?: Connection,
  ): void {
    if (this.#beside.size === 0) return
    for (const connection of this.#beside.get(lane)?.keys() ?? []) {
      if (connection !== sender) connection.send(data, isBinary)
    }
  }

  /** As often as it is called, `unsubscribe` has to be; what is published arrives once. */
  subscribe(lane: string, connection: Connection): void {
    let here = this.#beside.get(lane)
    if (!here) {
      here = new Map()
      this.#beside.set(lane, here)
    }
    here.set(connection, (here.get(connection) ?? 0) + 1)
  }

  unsubscribe(lane: string, connection: Connection): void {
    const here = this.#beside.get(lane)
    const times = here?.get(connection)
    if (!here || times === undefined) return
    if (times > 1) here.set(connection, times - 1)
    else here.delete(connection)
    if (here.size === 0) this.#beside.delete(lane)
  }
}
