/**
 * One joined topic of one connection: its mailbox, its answers, its end. Phoenix's `Channel.Server`.
 *
 * A process is joining, then joined, then ending (no more messages, but what `terminate` pushes still goes
 * out), then dead: inert, whatever a late promise or a kept socket still calls.
 */
import { noReply, Reply, Stop, type TerminateReason } from '../channel/result.ts'
import type { AnySocket, Channel, EndpointHandle, SocketRef } from '../channel/types.ts'
import { Broadcast } from '../protocol/broadcast.ts'
import type { Head, Sent } from '../protocol/message.ts'
import type { Connection } from './connection.ts'
import type { Lane, Member } from './fanout.ts'
import { Mailbox } from './mailbox.ts'
import { Outbox } from './outbox.ts'
import { isPromise, type Owner } from './owner.ts'
import { Subscriptions } from './subscriptions.ts'

type Work =
  | {
      readonly kind: 'in'
      readonly event: unknown
      readonly ref: unknown
      readonly payload: unknown
    }
  | { readonly kind: 'leave'; readonly ref: unknown }
  | { readonly kind: 'out'; readonly broadcast: Broadcast }
  | { readonly kind: 'info'; readonly message: unknown }

const ALLOWED =
  'ok(…), error(…), reply(…), stop(…), noReply or nothing from handleIn; stop(…) or nothing elsewhere'

export class ChannelProcess implements AnySocket, Member {
  readonly topic: string
  readonly subtopic: string
  readonly #channel: Channel
  readonly #owner: Owner
  readonly #outbox: Outbox
  readonly #mailbox: Mailbox<Work>
  readonly #subscriptions: Subscriptions
  #assigns: object
  #state: 'joining' | 'joined' | 'ending' | 'dead' = 'joining'
  #ref: unknown = null

  constructor(
    owner: Owner,
    found: { readonly channel: Channel; readonly subtopic: string },
    join: { readonly topic: string; readonly joinRef: unknown; readonly ref: unknown },
    assigns: object,
  ) {
    this.#owner = owner
    this.#channel = found.channel
    this.topic = join.topic
    this.subtopic = found.subtopic
    this.#outbox = new Outbox(owner, join.topic, join.joinRef, join.ref)
    this.#assigns = { ...assigns, ...found.channel.assigns }
    this.#subscriptions = new Subscriptions(owner, found.channel.intercepts, this)
    this.#mailbox = new Mailbox(owner.shared.mailbox, this.#work)
  }

  // ---- what the connection calls ----

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

  /** Whether a handler runs or a message waits. */
  get busy(): boolean {
    return this.#mailbox.busy
  }

  /** Runs the channel's `join`. Messages of its topic begin to flow to this node before it does. */
  join(payload: unknown): {
    readonly result: unknown
    readonly flowing: Promise<void> | undefined
  } {
    const flowing = this.#channel.autoSubscribe ? this.#subscriptions.hold(this.topic) : undefined
    return { result: this.#channel.join(this, payload), flowing }
  }

  /** The join succeeded: from here on broadcasts reach the client. The reply must be written next. */
  joined(assigns: object): void {
    this.#assigns = { ...this.#assigns, ...assigns }
    this.#state = 'joined'
    this.#subscriptions.attach(this.topic, this.topic)
  }

  /** The join reply is out: messages are handled. */
  open(): void {
    this.#mailbox.open()
  }

  /** The join was refused, or crashed. */
  refused(reason: TerminateReason): void {
    this.#subscriptions.dropAll()
    this.#mailbox.stop()
    this.#state = 'dead'
    void this.#terminate(reason)
  }

  receive(event: unknown, ref: unknown, payload: unknown, bytes: number): void {
    this.#put({ kind: 'in', event, ref, payload }, bytes)
  }

  leave(ref: unknown, bytes: number): void {
    this.#put({ kind: 'leave', ref }, bytes)
  }

  intercept(broadcast: Broadcast): void {
    this.#put({ kind: 'out', broadcast }, 0)
  }

  /** A second join of the topic: at once inert, whatever it was doing; `terminate` is not called (C3.40). */
  kill(): void {
    this.#subscriptions.dropAll()
    this.#mailbox.stop()
    this.#state = 'dead'
    this.#owner.shared.telemetry.left.publish({ topic: this.topic, reason: 'duplicate_join' })
  }

  /** The connection ended: no frames, only `terminate`. */
  closed(type: 'closed' | 'disconnected' | 'draining'): void {
    this.#end({ type })
  }

  sendClose(): void {
    this.#outbox.close()
  }

  // ---- what the channel's author calls ----

  get id(): string | null {
    return this.#owner.id
  }

  get assigns(): object {
    return this.#assigns
  }

  get endpoint(): EndpointHandle {
    return this.#owner.shared.endpoint
  }

  get ref(): unknown {
    return this.#ref
  }

  assign(changes: object): void {
    this.#assigns = { ...this.#assigns, ...changes }
  }

  socketRef(): SocketRef {
    const ref = this.#ref
    if (ref === null) throw new Error('socketRef: the message being handled has no ref')
    return { reply: (status, response) => this.#outbox.reply(ref, status, response) }
  }

  push(event: string, payload: unknown): void {
    if (this.#mayPush('push')) this.#outbox.push(event, payload)
  }

  broadcast(event: string, payload: unknown): void {
    if (this.#mayPush('broadcast')) this.#publish(event, payload)
  }

  broadcastFrom(event: string, payload: unknown): void {
    if (this.#mayPush('broadcastFrom')) this.#publish(event, payload, this)
  }

  localBroadcast(event: string, payload: unknown): void {
    if (this.#mayPush('localBroadcast')) this.#publish(event, payload, undefined, true)
  }

  subscribe(topic: string, options?: { readonly as: string }): Promise<void> | undefined {
    if (!this.#mayPush('subscribe')) return undefined
    if (!options) return this.#subscriptions.listen(topic, (broadcast) => this.sendInfo(broadcast))
    if (this.#subscriptions.has(topic)) return undefined
    const flowing = this.#subscriptions.hold(topic)
    this.#subscriptions.attach(topic, options.as)
    return flowing
  }

  unsubscribe(topic: string): void {
    this.#subscriptions.drop(topic)
  }

  sendInfo(message: unknown): void {
    this.#put({ kind: 'info', message }, 0)
  }

  deliver(broadcast: Broadcast): Sent {
    return this.#mayPush('deliver') ? this.#outbox.deliver(broadcast) : 'dropped'
  }

  onceDrained(listener: () => void): void {
    this.connection.onceDrained(listener)
  }

  // ---- inside ----

  /** True while frames may go out; throws during the join, as Phoenix does (C3.6). */
  #mayPush(what: string): boolean {
    if (this.#state === 'joining') throw new Error(`${what}: the channel is not joined yet`)
    return this.#state !== 'dead'
  }

  #publish(event: string, payload: unknown, from?: Member, local?: boolean): void {
    this.#owner.shared.fanout.broadcast(new Broadcast(this.topic, event, payload), from, local)
  }

  #put(work: Work, bytes: number): void {
    if (this.#state !== 'joining' && this.#state !== 'joined') return
    if (!this.#mailbox.put(work, bytes)) this.#owner.overflowed()
  }

  readonly #work = (work: Work): Promise<void> | undefined => {
    if (work.kind === 'leave') {
      this.#left(work.ref)
      return undefined
    }
    const startedAt =
      work.kind === 'in' && this.#owner.shared.telemetry.handled.active ? performance.now() : 0
    this.#ref = work.kind === 'in' ? work.ref : null
    try {
      const result = this.#handle(work)
      if (!isPromise(result)) {
        this.#settle(work, result, startedAt)
        return undefined
      }
      return Promise.resolve(result).then(
        (value) => this.#settle(work, value, startedAt),
        (error: unknown) => this.#crash(error),
      )
    } catch (error) {
      this.#crash(error)
      return undefined
    }
  }

  #handle(work: Exclude<Work, { readonly kind: 'leave' }>): unknown {
    if (work.kind === 'in') return this.#channel.handleIn(this, work.event, work.payload)
    if (work.kind === 'out') {
      return this.#channel.handleOut(this, work.broadcast.event, work.broadcast.copyPayload())
    }
    if (this.#channel.handleInfo) return this.#channel.handleInfo(this, work.message)
    const message = 'a message came for a channel without handleInfo: ignored'
    this.#owner.shared.telemetry.warned.publish({ message, topic: this.topic })
    return undefined
  }

  #settle(work: Work, result: unknown, startedAt: number): void {
    if (this.#state !== 'joined') return
    const answer = result instanceof Stop ? result.reply : result
    try {
      if (answer instanceof Reply && work.kind === 'in') {
        this.#outbox.reply(work.ref, answer.status, answer.response)
      } else if (!(answer === undefined || answer === noReply)) {
        throw new TypeError(`a handler returned something else than ${ALLOWED}`)
      }
    } catch (error) {
      this.#crash(error)
      return
    }
    if (work.kind === 'in') this.#handled(work, startedAt)
    if (result instanceof Stop) this.#stop(result)
  }

  #handled(work: Extract<Work, { readonly kind: 'in' }>, startedAt: number): void {
    const { handled } = this.#owner.shared.telemetry
    if (!handled.active) return
    const { ref, payload } = work
    const durationMs = performance.now() - startedAt
    handled.publish({ topic: this.topic, event: String(work.event), ref, payload, durationMs })
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

  #crash(error: unknown): void {
    if (this.#state !== 'joined') return
    this.#owner.shared.telemetry.crashed.publish({ topic: this.topic, error })
    this.#end({ type: 'crashed', error })
    this.#outbox.error()
  }

  /** No more messages, the topic is free again; then `terminate`, whose pushes still go out. */
  #end(reason: TerminateReason): void {
    if (this.#state !== 'joined') return
    this.#state = 'ending'
    this.#subscriptions.dropAll()
    this.#mailbox.stop()
    this.#owner.ended(this.topic, this)
    this.#owner.shared.telemetry.left.publish({ topic: this.topic, reason: reason.type })
    const ending = this.#terminate(reason)
    if (!ending) this.#state = 'dead'
    else {
      void ending.then(() => {
        this.#state = 'dead'
      })
    }
  }

  /** Never throws nor rejects: a crash in `terminate` has nobody left to tell but the log. */
  #terminate(reason: TerminateReason): Promise<unknown> | undefined {
    const crashed = (error: unknown) =>
      this.#owner.shared.telemetry.crashed.publish({ topic: this.topic, error })
    try {
      const ending = this.#channel.terminate(reason, this)
      return isPromise(ending) ? Promise.resolve(ending).catch(crashed) : undefined
    } catch (error) {
      crashed(error)
      return undefined
    }
  }
}
