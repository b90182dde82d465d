/**
 * One connection: joins, leaves, heartbeats, and the way of each message to its channel. Phoenix's `Socket`.
 *
 * Frames are taken in the order they arrive. While a join runs, later frames of this connection wait (C3.21);
 * a handler that is slow holds back its own channel only.
 */
import { Reply } from '../channel/result.ts'
import type { Session, UserSocket } from '../channel/user-socket.ts'
import type { CloseReason } from '../protocol/close.ts'
import type { Codec } from '../protocol/codec.ts'
import { decodeWithin } from '../protocol/depth.ts'
import {
  DecodeError,
  DISCONNECT_EVENT,
  HEARTBEAT_TOPIC,
  Head,
  type Message,
  PHX,
} from '../protocol/message.ts'
import { isPromise } from '../protocol/promise.ts'
import type { Subscriber } from '../pubsub/pubsub.ts'
import type { Attempt } from './attempt.ts'
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

export class Socket extends Limited implements Owner, Taker {
  readonly connection: Connection
  readonly codec: Codec
  readonly id: string | null
  readonly shared: SocketContext
  readonly #assigns: object
  readonly #expiresAt: number
  readonly #channels = new Map<unknown, ChannelProcess>()
  /** One frame at a time: an async join is not done with its frame before it is decided. */
  readonly #frames: Frames
  /** The join that runs, if it is an async one. */
  #joining: ChannelProcess | undefined
  /** Hears what is broadcast on the socket's id. */
  readonly #onId: Subscriber | undefined
  #closed = false

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
    if (this.#closed) return
    this.shared.telemetry.frames.in += 1
    if (!this.mayReceive()) this.#tooMany('message_rate')
    else if (!this.#frames.put(data, isBinary)) this.overflowed()
  }

  /** Calls `listener` when what was received has been taken: at once, unless a join runs; or never, at the end. */
  onceTaken(listener: () => void): void {
    if (!this.#closed && !this.#frames.onceTaken(listener)) this.overflowed()
  }

  /** Ends the connection: every channel terminates, the client sees the close code and nothing else. */
  close(reason: CloseReason): void {
    if (this.#closed) return
    this.#closed = true
    // Closed first: what `terminate` pushes must not precede the close (C1.87).
    this.connection.close(reason)
    this.#end(reason === 'disconnected' || reason === 'draining' ? reason : 'closed')
  }

  /** The transport lost the connection, or the client closed it. */
  closed(): void {
    if (this.#closed) return
    this.#closed = true
    this.#end('closed')
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
    this.#joining?.abandoned()
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
      this.#crashed(error)
      return undefined
    }
  }

  #crashed(error: unknown): void {
    if (error instanceof DecodeError) {
      this.shared.telemetry.dropped.publish({ reason: error.reason, count: 1 })
    } else this.shared.telemetry.crashed.publish({ topic: undefined, error })
    this.close('crashed')
  }

  /** The promise, if any, is of a join that is not decided yet. */
  #dispatch(message: Message, bytes: number): Promise<void> | undefined {
    const { topic, event, joinRef, ref } = message
    if (topic === HEARTBEAT_TOPIC && event === PHX.heartbeat) {
      this.#reply(NO_HEARTBEAT_JOIN_REF, ref, 'ok', {})
    } else if (event === PHX.join) return this.#join(message)
    else {
      const process = this.#channels.get(topic)
      if (process) process.take(message, bytes)
      else if (event === PHX.leave) this.#reply(new Head(joinRef, topic), ref, 'ok', {})
      else this.#unmatched(topic, ref)
    }
    return undefined
  }

  #reply(head: Head, ref: unknown, status: string, response: unknown): void {
    const frame = this.codec.reply(head, ref, status, response)
    this.shared.telemetry.frames.out += 1
    this.connection.send(frame, typeof frame !== 'string')
  }

  #unmatched(topic: unknown, ref: unknown): void {
    this.#reply(new Head(null, topic), ref, 'error', { reason: 'unmatched topic' })
  }

  /** The order of protocol 3.2: end the old instance, find the channel, count, run `join`. */
  #join(message: Message): Promise<void> | undefined {
    if (this.expired) {
      // Back with a new token, its client joins by itself.
      this.close('expired')
      return undefined
    }
    const { topic, ref, joinRef, payload } = message
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
      this.#reply(new Head(joinRef, topic), ref, 'error', { reason: JOIN_LIMITS[limit] })
      victim?.sendClose()
      return undefined
    }
    const process = new ChannelProcess(this, found, { topic, joinRef, ref }, this.#assigns)
    return this.#attempt({ process, ref, victim, payload, startedAt: performance.now() })
  }

  #attempt(attempt: Attempt): Promise<void> | undefined {
    let running: ReturnType<ChannelProcess['join']>
    try {
      running = attempt.process.join(attempt.payload)
    } catch (error) {
      this.#joinCrashed(attempt, error)
      return undefined
    }
    const { result, flowing } = running
    if (isPromise(result)) return this.#decideLater(attempt, result, flowing)
    this.#decide(attempt, result, flowing)
    return undefined
  }

  /** The connection's later frames wait meanwhile. */
  async #decideLater(
    attempt: Attempt,
    result: PromiseLike<unknown>,
    flowing: Promise<void> | undefined,
  ): Promise<void> {
    this.#joining = attempt.process
    const [outcome] = await Promise.allSettled([result])
    this.#joining = undefined
    try {
      if (outcome.status === 'fulfilled') this.#decide(attempt, outcome.value, flowing)
      else this.#joinCrashed(attempt, outcome.reason)
    } catch (error) {
      this.#crashed(error)
    }
  }

  #decide(attempt: Attempt, result: unknown, flowing: Promise<void> | undefined): void {
    const { process, ref, victim } = attempt
    if (!(result instanceof Reply) || result.kind === 'custom') {
      this.#joinCrashed(
        attempt,
        new TypeError('join returned something else than ok(…) or error(…)'),
      )
      return
    }
    this.#report(attempt, result.kind === 'ok' ? 'ok' : 'error')
    if (result.kind === 'error') {
      process.refused({ type: 'refused' })
      if (this.#closed) return
      this.#reply(process.head, ref, 'error', result.response)
      victim?.sendClose()
      return
    }
    process.accepted(result.assigns)
    if (this.#closed) {
      process.closed('closed')
      return
    }
    this.#channels.set(process.topic, process)
    this.hasJoined()
    const welcome = () => this.#welcome(attempt, result.response)
    if (!flowing) welcome()
    else {
      void flowing.then(welcome).catch((error: unknown) => this.#crashed(error))
    }
  }

  /**
   * Messages of other nodes flow: the join is answered. Meanwhile other frames of the connection were taken,
   * those of this topic waited, and a leave of the connection or another join may have ended it.
   */
  #welcome({ process, ref, victim }: Attempt, response: unknown): void {
    if (this.#channels.get(process.topic) !== process) return
    process.joined()
    this.#reply(process.head, ref, 'ok', response)
    victim?.sendClose()
    process.open()
  }

  #joinCrashed(attempt: Attempt, error: unknown): void {
    const { process, ref, victim } = attempt
    this.shared.telemetry.crashed.publish({ topic: process.topic, error })
    process.refused({ type: 'crashed', error })
    if (this.#closed) return
    this.#reply(process.head, ref, 'error', { reason: 'join crashed' })
    victim?.sendClose()
  }

  #report({ process, payload, startedAt }: Attempt, result: 'ok' | 'error'): void {
    const durationMs = performance.now() - startedAt
    this.shared.telemetry.joined.publish({
      topic: process.topic,
      result,
      params: payload,
      durationMs,
    })
  }
}
