import type { Broadcast } from '../protocol/broadcast.ts'
import { type Frame, Head, PHX, type Sent } from '../protocol/message.ts'
import type { Owner } from './owner.ts'
import { sharedFrame } from './shared-frame.ts'

/**
 * The frames that one joined channel sends. It knows two join_refs: the one that came with the join, which
 * `phx_close` and `phx_error` carry, and the effective one, the join's ref where there was none (protocol 3.2).
 */
export class Outbox {
  readonly joinHead: Head
  readonly #head: Head
  readonly #owner: Owner

  constructor(owner: Owner, topic: string, joinRef: unknown, ref: unknown) {
    this.#owner = owner
    this.joinHead = new Head(joinRef, topic)
    this.#head = joinRef === null ? new Head(ref, topic) : this.joinHead
  }

  reply(ref: unknown, status: string, response: unknown): void {
    this.#send(this.#owner.codec.reply(this.#head, ref, status, response))
  }

  push(event: string, payload: unknown): void {
    this.#send(this.#owner.codec.push(this.#head, null, event, payload))
  }

  close(): void {
    this.#send(this.#owner.codec.push(this.joinHead, this.joinHead.joinRef, PHX.close, {}))
  }

  error(): void {
    const payload = { reason: 'channel_crash' }
    this.#send(this.#owner.codec.push(this.joinHead, this.joinHead.joinRef, PHX.error, payload))
  }

  /** A broadcast to this client alone, from bytes that many sockets share. */
  deliver(broadcast: Broadcast): Sent {
    const { data, isBinary } = sharedFrame(broadcast, this.#owner.codec)
    this.#owner.shared.telemetry.frames.out += 1
    return this.#owner.connection.send(data, isBinary)
  }

  #send(frame: Frame): void {
    this.#owner.shared.telemetry.frames.out += 1
    this.#owner.connection.send(frame, typeof frame !== 'string')
  }
}
