/** The seam that a transport stands on, without one: a frame arrives before `send` returns. */
import type { CloseReason } from '../protocol/close.ts'
import type { Message, Sent } from '../protocol/message.ts'
import type { Connection, Lanes } from '../socket/connection.ts'
import { decodeFrame } from './frames.ts'

/** Who is on which lane, and how often: a lane that was joined twice is left when it was left twice. */
export class TestLanes implements Lanes {
  readonly #lanes = new Map<string, Map<TestConnection, number>>()

  publish(lane: string, data: string | Uint8Array, isBinary: boolean): void {
    this.publishFrom(undefined, lane, data, isBinary)
  }

  /** To all but one. */
  publishFrom(
    sender: TestConnection | undefined,
    lane: string,
    data: string | Uint8Array,
    isBinary: boolean,
  ): void {
    for (const connection of [...(this.#lanes.get(lane)?.keys() ?? [])]) {
      if (connection !== sender) connection.send(data, isBinary)
    }
  }

  change(lane: string, connection: TestConnection, by: 1 | -1): void {
    const members = this.#lanes.get(lane) ?? new Map<TestConnection, number>()
    const count = (members.get(connection) ?? 0) + by
    if (count > 0) members.set(connection, count)
    else members.delete(connection)
    if (members.size > 0) this.#lanes.set(lane, members)
    else this.#lanes.delete(lane)
  }
}

/** A client that reads at once: nothing is ever buffered. */
export class TestConnection implements Connection {
  readonly #lanes: TestLanes
  readonly #receive: (message: Message) => void
  #isOpen = true
  /** Why the server closed it, if it did. */
  closeReason: CloseReason | undefined

  constructor(lanes: TestLanes, receive: (message: Message) => void) {
    this.#lanes = lanes
    this.#receive = receive
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  send(data: string | Uint8Array, isBinary: boolean): Sent {
    if (!this.#isOpen) return 'dropped'
    this.#receive(decodeFrame(data, isBinary))
    return 'sent'
  }

  close(reason: CloseReason): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.closeReason = reason
  }

  /** The client is gone, without a word. */
  lose(): void {
    this.#isOpen = false
  }

  subscribe(lane: string): void {
    this.#lanes.change(lane, this, 1)
  }

  unsubscribe(lane: string): void {
    this.#lanes.change(lane, this, -1)
  }

  publish(lane: string, data: string | Uint8Array, isBinary: boolean): void {
    this.#lanes.publishFrom(this, lane, data, isBinary)
  }

  onceDrained(listener: () => void): void {
    queueMicrotask(listener)
  }
}
