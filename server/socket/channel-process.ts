/** One joined topic of one connection: its mailbox, its answers, its end. Phoenix's `Channel.Server`. */
// Not the global of this name, which is looked up anew each time: that costs as much as the clock itself.
import { performance } from 'node:perf_hooks'
import { isDeepStrictEqual } from 'node:util'
import { Stop, type TerminateReason } from '../channel/result.ts'
import type { Channel } from '../channel/types.ts'
import type { Broadcast } from '../protocol/broadcast.ts'
import { type Head, type Message, PHX } from '../protocol/message.ts'
import { isPromise } from '../protocol/promise.ts'
import { ChannelSocket, type Process } from './channel-socket.ts'
import type { Connection } from './connection.ts'
import type { Lane } from './fanout.ts'
import { Mailbox, type Runner } from './mailbox.ts'
import { Outbox } from './outbox.ts'
import type { Owner } from './owner.ts'
import { Subscriptions } from './subscriptions.ts'
import { callHandler, eventName, type Handled, type Incoming, replyIn, type Work } from './work.ts'

const sameRef = (a: unknown, b: unknown): boolean => a === b || isDeepStrictEqual(a, b)

export class ChannelProcess implements Process, Runner<Work> {
  readonly topic: string
  readonly #channel: Channel
  readonly #owner: Owner
  readonly #outbox: Outbox
  readonly #mailbox: Mailbox<Work>
  readonly #subscriptions: Subscriptions
  readonly #socket: ChannelSocket

  constructor(
    owner: Owner,
    found: { readonly channel: Channel; readonly subtopic: string },
    join: { readonly topic: string; readonly joinRef: unknown; readonly ref: unknown },
    inherited: object,
  ) {
    const { channel, subtopic } = found
    const { topic } = join
    this.topic = topic
    this.#owner = owner
    this.#channel = channel
    this.#outbox = new Outbox(owner, topic, join.joinRef, join.ref)
    this.#mailbox = new Mailbox(owner.shared.mailbox, this)
    const onGap = channel.handleGap && ((at: string) => this.#put({ kind: 'gap', topic: at }, 0))
    this.#subscriptions = new Subscriptions(owner, channel.intercepts, this, onGap)
    const assigns = { ...inherited, ...channel.assigns }
    const start = { topic, subtopic, assigns }
    this.#socket = new ChannelSocket(owner, this, this.#outbox, this.#subscriptions, start)
  }

  get joinRef(): unknown {
    return this.#outbox.joinHead.joinRef
  }

  get head(): Head {
    return this.#outbox.joinHead
  }

  get connection(): Connection {
    return this.#owner.connection
  }

  isOn(lane: Lane): boolean {
    return this.#subscriptions.isOn(lane)
  }

  /** Whether a handler runs, or what outlives one, or a message waits. */
  get busy(): boolean {
    return this.#mailbox.busy || this.#socket.pending
  }

  // ---- the join ----

  /** Runs the channel's `join`. Messages of its topic begin to flow to this node before it does. */
  join(payload: unknown): {
    readonly result: unknown
    readonly flowing: Promise<void> | undefined
  } {
    const flowing = this.#channel.autoSubscribe ? this.#subscriptions.hold(this.topic) : undefined
    return { result: this.#channel.join(this.#socket, payload), flowing }
  }

  /** The join succeeded. */
  accepted(assigns: object): void {
    this.#socket.assign(assigns)
  }

  /** From here on broadcasts reach the client. The reply must be written next. */
  joined(): void {
    this.#socket.phase = 'joined'
    this.#subscriptions.attach(this.topic, this.topic)
  }

  /** The join reply is out: messages are handled. */
  open(): void {
    this.#mailbox.open()
  }

  /** The join was refused, or crashed. */
  refused(reason: TerminateReason): void {
    this.#release('dead')
    void this.#terminate(reason)
  }

  /** The connection ended before the join did: what it holds is given up now, as a join may never end. */
  abandoned(): void {
    this.#subscriptions.dropAll()
    this.#socket.ended()
  }

  /** The connection has expired: no broadcast reaches it any more. */
  mute(): void {
    this.#subscriptions.dropAll()
  }

  // ---- messages ----

  /** A client's message. One of an earlier instance of the topic is dropped (C3.26). */
  take({ event, joinRef, ref, payload }: Message, bytes: number): void {
    if (joinRef !== null && !sameRef(joinRef, this.joinRef)) return
    if (event === PHX.leave) this.#put({ kind: 'leave', ref }, bytes)
    else this.#put({ kind: 'in', event, ref, payload }, bytes)
  }

  intercept(broadcast: Broadcast): void {
    this.#put({ kind: 'out', broadcast }, 0)
  }

  inform(message: unknown): void {
    this.#put({ kind: 'info', message }, 0)
  }

  #put(work: Work, bytes: number): void {
    const { phase } = this.#socket
    if (phase !== 'joining' && phase !== 'joined') return
    if (!this.#mailbox.put(work, bytes)) this.#owner.overflowed()
  }

  /** Never throws nor rejects: whatever does is this channel's crash. */
  run(work: Work): Promise<void> | undefined {
    try {
      if (work.kind === 'leave') {
        this.#left(work.ref)
        return undefined
      }
      const startedAt = performance.now()
      const result = this.#handle(work)
      if (isPromise(result)) return this.#settleLater(work, result, startedAt)
      this.#settle(work, result, startedAt)
    } catch (error) {
      this.crash(error)
    }
    return undefined
  }

  #handle(work: Handled): unknown {
    this.#socket.ref = work.kind === 'in' ? work.ref : null
    if (work.kind === 'info' && !this.#channel.handleInfo) {
      const message = 'a message came for a channel without handleInfo: ignored'
      this.#owner.shared.telemetry.warned.publish({ message, topic: this.topic })
    }
    return callHandler(this.#channel, this.#socket, work)
  }

  async #settleLater(
    work: Handled,
    result: PromiseLike<unknown>,
    startedAt: number,
  ): Promise<void> {
    try {
      this.#settle(work, await result, startedAt)
    } catch (error) {
      this.crash(error)
    }
  }

  #settle(work: Handled, result: unknown, startedAt: number): void {
    if (this.#socket.phase !== 'joined') return
    const reply = replyIn(work, result)
    if (work.kind === 'in') {
      if (reply) this.#outbox.reply(work.ref, reply.status, reply.response)
      this.#handled(work, startedAt)
    }
    this.#socket.ref = null
    if (result instanceof Stop) this.#stop(result)
  }

  #handled({ event, ref, payload }: Incoming, startedAt: number): void {
    const { handled, handlers } = this.#owner.shared.telemetry
    const durationMs = performance.now() - startedAt
    handlers.observe(durationMs)
    if (!handled.active) return
    handled.publish({ topic: this.topic, event: eventName(event), ref, payload, durationMs })
  }

  // ---- the end ----

  /** A second join of the topic: at once inert, whatever it was doing; `terminate` is not called (C3.40). */
  kill(): void {
    this.#release('dead')
    this.#owner.shared.telemetry.left.publish({ topic: this.topic, reason: 'duplicate_join' })
  }

  /** The connection ended: no frames, only `terminate`. */
  closed(type: 'closed' | 'disconnected' | 'draining'): void {
    // One that was let in, but not answered yet, ends as one that was.
    if (this.#socket.phase === 'joining') this.#socket.phase = 'joined'
    this.#end({ type })
  }

  sendClose(): void {
    this.#outbox.close()
  }

  /** A handler may throw after its channel ended: that is told too, but ends nothing. */
  crash(error: unknown): void {
    this.#owner.shared.telemetry.crashed.publish({ topic: this.topic, error })
    if (this.#socket.phase !== 'joined') return
    this.#end({ type: 'crashed', error })
    this.#outbox.error()
  }

  #left(ref: unknown): void {
    this.#outbox.reply(ref, 'ok', {})
    this.sendClose()
    this.#end({ type: 'left' })
  }

  #stop(stop: Stop): void {
    if (stop.graceful) this.sendClose()
    this.#end({ type: 'stopped', reason: stop.reason })
    if (!stop.graceful) this.#outbox.error()
  }

  /** No more messages, the topic is free again; then `terminate`, whose pushes still go out. */
  #end(reason: TerminateReason): void {
    if (this.#socket.phase !== 'joined') return
    this.#release('ending')
    this.#owner.ended(this.topic, this)
    this.#owner.shared.telemetry.left.publish({ topic: this.topic, reason: reason.type })
    const ending = this.#terminate(reason)
    if (!ending) this.#socket.phase = 'dead'
    else {
      void ending.then(() => {
        this.#socket.phase = 'dead'
      })
    }
  }

  #release(phase: 'ending' | 'dead'): void {
    this.#socket.phase = phase
    this.#subscriptions.dropAll()
    this.#mailbox.stop()
    this.#socket.ended()
  }

  /** Never throws nor rejects: a crash in `terminate` has nobody left to tell but the log. */
  #terminate(reason: TerminateReason): Promise<void> | undefined {
    const { telemetry, endings } = this.#owner.shared
    const crashed = (error: unknown) => telemetry.crashed.publish({ topic: this.topic, error })
    try {
      const ending = this.#channel.terminate(reason, this.#socket)
      if (!isPromise(ending)) return undefined
      endings.running += 1
      return Promise.resolve(ending)
        .catch(crashed)
        .then(() => {
          endings.running -= 1
        })
    } catch (error) {
      crashed(error)
      return undefined
    }
  }
}
