/**
 * One connection: joins, leaves, heartbeats, and the way of each message to its channel. Phoenix's `Socket`.
 *
 * Frames are taken in the order they arrive. While a join runs, later frames of this connection wait (C3.21);
 * a handler that is slow holds back its own channel only.
 */
import type { Session, UserSocket } from '../channel/user-socket.ts'
import type { CloseReason } from '../protocol/close.ts'
import type { Codec } from '../protocol/codec.ts'
import { decodeWithin } from '../protocol/depth.ts'
import {
  DecodeError,
  DISCONNECT_EVENT,
  detached,
  HEARTBEAT_TOPIC,
  Head,
  type Message,
  PHX,
} from '../protocol/message.ts'
import type { Subscriber } from '../pubsub/pubsub.ts'
import { Attempt, type Joiner } from './attempt.ts'
import { ChannelProcess } from './channel-process.ts'
import type { Connection } from './connection.ts'
import { Frames, type Taker } from './frames.ts'
import { JOIN_LIMITS, Limited, type SocketLimits } from './limited.ts'
import type { Owner, Shared } from './owner.ts'

/** What all connections of a mount share. */
export interface SocketContext extends Shared {
  readonly userSocket: UserSocket
  readonly limits: SocketLimits
}

const NO_HEARTBEAT_JOIN_REF = new Head(null, HEARTBEAT_TOPIC)
/** For the request that is told of the expiry. */
const EXPIRY_GRACE_MS = 5_000

export type { Session }

export class Socket extends Limited implements Owner, Joiner, Taker {
  readonly connection: Connection
  readonly codec: Codec
  readonly id: string | null
  readonly shared: SocketContext
  readonly #assigns: object
  readonly #expiresAt: number
  readonly #channels = new Map<unknown, ChannelProcess>()
  /** One frame at a time: an async join is not done with its frame before it is decided. */
  readonly #frames: Frames
  /** The join that runs, if it is an async one: meanwhile no other frame is taken. */
  #joining: Attempt | undefined
  /** Hears what is broadcast on the socket's id. */
  readonly #onId: Subscriber | undefined
  #isClosed = false

  constructor(context: SocketContext, connection: Connection, codec: Codec, accepted: Session) {
    super(context.limits)
    this.shared = context
    this.connection = connection
    this.codec = codec
    this.id = accepted.id
    this.#assigns = accepted.assigns
    this.#expiresAt = accepted.expiresAt ?? Number.POSITIVE_INFINITY
    this.#frames = new Frames(context.mailbox, this)
    if (this.id !== null) {
      this.#onId = ({ event }) => {
        if (event === DISCONNECT_EVENT) this.close('disconnected')
      }
      void context.pubsub.subscribe(this.id, this.#onId)
    }
  }

  /** Whether a handler or a join runs, or what outlives a handler, or a message waits. */
  get busy(): boolean {
    if (this.#frames.busy) return true
    for (const process of this.#channels.values()) if (process.busy) return true
    return false
  }

  /** How many channels are joined. */
  get channels(): number {
    return this.#channels.size
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get expired(): boolean {
    return this.#expiresAt <= Date.now()
  }

  /** From time to time: broadcasts to an expired socket end, then it does. */
  endIfExpired(now: number): void {
    if (now < this.#expiresAt) return
    if (now >= this.#expiresAt + EXPIRY_GRACE_MS) this.close('expired')
    else for (const process of this.#channels.values()) process.mute()
  }

  /** A frame from the client. `data` is read before the call returns. */
  receive(data: ArrayBuffer, isBinary: boolean): void {
    if (this.#isClosed) return
    this.shared.telemetry.frames.in += 1
    if (!this.mayReceive()) this.#tooMany('message_rate')
    else if (!this.#frames.put(data, isBinary)) this.overflowed()
  }

  /** Calls `listener` when what was received has been taken: at once, unless a join runs; or never, at the end. */
  onceTaken(listener: () => void): void {
    if (!this.#isClosed && !this.#frames.onceTaken(listener)) this.overflowed()
  }

  /** Ends the connection: every channel terminates, the client sees the close code and nothing else. */
  close(reason: CloseReason): void {
    if (this.#isClosed) return
    this.#isClosed = true
    // Closed first: what `terminate` pushes must not precede the close (C1.87).
    this.connection.close(reason)
    this.#end(reason === 'disconnected' || reason === 'draining' ? reason : 'closed')
  }

  /** The transport lost the connection, or the client closed it. */
  closed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#end('closed')
  }

  admit(process: ChannelProcess): void {
    this.#channels.set(process.topic, process)
    this.hasJoined()
  }

  has(process: ChannelProcess): boolean {
    return this.#channels.get(process.topic) === process
  }

  ended(topic: string, channel: object): void {
    if (this.#channels.get(topic) === channel) this.#channels.delete(topic)
  }

  overflowed(): void {
    this.#tooMany('mailbox_full')
  }

  /** From time to time: ends a connection that has joined nothing for too long; `now` by the clock of the limits. */
  closeIfLate(now: number): void {
    if (this.isLate(now)) this.close('joinedNothing')
  }

  #tooMany(reason: string): void {
    this.shared.telemetry.dropped.publish({ reason, count: 1 })
    this.close('tooMany')
  }

  #end(reason: 'closed' | 'disconnected' | 'draining'): void {
    this.#frames.stop()
    this.#joining?.abandon()
    if (this.id !== null && this.#onId) this.shared.pubsub.unsubscribe(this.id, this.#onId)
    for (const process of [...this.#channels.values()]) process.closed(reason)
    this.#channels.clear()
  }

  /** An undecodable frame, or a reply that cannot be encoded, ends the connection as a crash. */
  take(data: ArrayBuffer, isBinary: boolean): Promise<void> | undefined {
    try {
      const { maxDepth = Number.POSITIVE_INFINITY } = this.shared.limits
      const message = decodeWithin(this.codec, data, isBinary, maxDepth)
      return this.#dispatch(message, data.byteLength)
    } catch (error) {
      this.crashed(error)
      return undefined
    }
  }

  crashed(error: unknown): void {
    if (error instanceof DecodeError) {
      this.shared.telemetry.dropped.publish({ reason: error.reason, count: 1 })
    } else this.shared.telemetry.crashed.publish({ topic: undefined, error })
    this.close('crashed')
  }

  /** The promise, if any, is of a join that is not decided yet. */
  #dispatch(message: Message, bytes: number): Promise<void> | undefined {
    const { topic, event, joinRef, ref } = message
    if (topic === HEARTBEAT_TOPIC && event === PHX.heartbeat) {
      this.reply(NO_HEARTBEAT_JOIN_REF, ref, 'ok', {})
    } else if (event === PHX.join) return this.#join(message)
    else {
      const process = this.#channels.get(topic)
      if (process) process.take(message, bytes)
      else if (event === PHX.leave) this.reply(new Head(joinRef, topic), ref, 'ok', {})
      else this.#unmatched(topic, ref)
    }
    return undefined
  }

  reply(head: Head, ref: unknown, status: string, response: unknown): void {
    const frame = this.codec.reply(head, ref, status, response)
    this.shared.telemetry.frames.out += 1
    this.connection.send(frame, typeof frame !== 'string')
  }

  #unmatched(topic: unknown, ref: unknown): void {
    this.reply(new Head(null, topic), ref, 'error', { reason: 'unmatched topic' })
  }

  /** The order of protocol 3.2: end the old instance, find the channel, count, run `join`. */
  #join(message: Message): Promise<void> | undefined {
    if (this.expired) {
      // Back with a new token, its client joins by itself.
      this.close('expired')
      return undefined
    }
    const { payload } = message
    const [topic, ref, joinRef] = [message.topic, message.ref, message.joinRef].map(detached)
    const victim = this.#channels.get(topic)
    victim?.kill()
    this.#channels.delete(topic)
    const found = typeof topic === 'string' ? this.shared.userSocket.channelFor(topic) : undefined
    if (!found || typeof topic !== 'string') {
      this.shared.telemetry.warned.publish({ message: 'join of a topic that no channel matches' })
      this.#unmatched(topic, ref)
      return undefined
    }
    const limit = this.joinLimit(this.#channels.size)
    if (limit) {
      this.shared.telemetry.dropped.publish({ reason: limit, count: 1 })
      this.reply(new Head(joinRef, topic), ref, 'error', { reason: JOIN_LIMITS[limit] })
      victim?.sendClose()
      return undefined
    }
    const process = new ChannelProcess(this, found, { topic, joinRef, ref }, this.#assigns)
    const attempt = new Attempt(this, process, ref, victim)
    const asking = attempt.run(payload)
    return asking && this.#until(asking, attempt)
  }

  async #until(asking: Promise<void>, attempt: Attempt): Promise<void> {
    this.#joining = attempt
    await asking
    this.#joining = undefined
  }
}
