/** One joined topic as its channel's author sees it. What it promises stands with the `Socket` interface. */
import type { AnySocket, EndpointHandle, SocketRef } from '../channel/types.ts'
import { Broadcast } from '../protocol/broadcast.ts'
import type { Sent } from '../protocol/message.ts'
import type { Subscriber } from '../pubsub/pubsub.ts'
import type { Member } from './fanout.ts'
import type { Outbox } from './outbox.ts'
import type { Owner } from './owner.ts'
import type { Subscriptions } from './subscriptions.ts'

/** Joining, then joined, then ending (what `terminate` sends still goes out), then dead: inert. */
export type Phase = 'joining' | 'joined' | 'ending' | 'dead'

/** The process that a socket stands for. */
export interface Process extends Member {
  /** Queues a message to the channel's own `handleInfo`. */
  inform(message: unknown): void
  /** Something of the author's threw. */
  crash(error: unknown): void
}

export class ChannelSocket implements AnySocket {
  readonly topic: string
  readonly subtopic: string
  readonly #owner: Owner
  readonly #process: Process
  readonly #outbox: Outbox
  readonly #subscriptions: Subscriptions
  /** Set by the process, as `ref` is. */
  phase: Phase = 'joining'
  ref: unknown = null
  assigns: object
  /** How much runs that outlives its handler. */
  #pending = 0
  /** Who wants to know of the end. */
  #onEnd: (() => void)[] | undefined
  #hasEnded = false

  constructor(
    owner: Owner,
    process: Process,
    outbox: Outbox,
    subscriptions: Subscriptions,
    start: { readonly topic: string; readonly subtopic: string; readonly assigns: object },
  ) {
    this.#owner = owner
    this.#process = process
    this.#outbox = outbox
    this.#subscriptions = subscriptions
    this.topic = start.topic
    this.subtopic = start.subtopic
    this.assigns = start.assigns
  }

  get id(): string | null {
    return this.#owner.id
  }

  get expired(): boolean {
    return this.#owner.expired
  }

  expire(): void {
    if (this.phase !== 'dead') this.#owner.close('expired')
  }

  get endpoint(): EndpointHandle {
    return this.#owner.shared.endpoint
  }

  assign(changes: object): void {
    this.assigns = { ...this.assigns, ...changes }
  }

  socketRef(): SocketRef {
    const { ref } = this
    if (ref === null) throw new Error('socketRef: the message being handled has no ref')
    return { reply: (status, response) => this.#outbox.reply(ref, status, response) }
  }

  waitUntil(work: Promise<unknown>): void {
    this.#pending += 1
    void work
      .catch((error: unknown) => this.#process.crash(error))
      .then(() => {
        this.#pending -= 1
      })
  }

  /** Whether something runs that outlives its handler. */
  get pending(): boolean {
    return this.#pending > 0
  }

  push(event: string, payload: unknown): void {
    if (this.#maySend('push')) this.#outbox.push(event, payload)
  }

  broadcast(event: string, payload: unknown): void {
    if (this.#maySend('broadcast')) this.#publish(event, payload)
  }

  broadcastFrom(event: string, payload: unknown): void {
    if (this.#maySend('broadcastFrom')) this.#publish(event, payload, this.#process)
  }

  localBroadcast(event: string, payload: unknown): void {
    if (this.#maySend('localBroadcast')) this.#publish(event, payload, undefined, true)
  }

  subscribe(topic: string, options?: { readonly as: string }): Promise<void> | undefined {
    // Not while `terminate` runs either: nobody would give up what it subscribes to.
    if (!this.#maySend('subscribe') || this.phase !== 'joined') return undefined
    if (!options) return this.#subscriptions.listen(topic, this.#listener())
    if (this.#subscriptions.has(topic)) return undefined
    const flowing = this.#subscriptions.hold(topic)
    this.#subscriptions.attach(topic, options.as)
    return flowing
  }

  unsubscribe(topic: string): void {
    this.#subscriptions.drop(topic)
  }

  sendInfo(message: unknown): void {
    this.#process.inform(message)
  }

  deliver(broadcast: Broadcast): Sent {
    if (!this.#maySend('deliver') || this.#owner.expired) return 'dropped'
    return this.#outbox.deliver(broadcast)
  }

  onceDrained(listener: () => void): void {
    this.#owner.connection.onceDrained(() => {
      try {
        listener()
      } catch (error) {
        this.#process.crash(error)
      }
    })
  }

  onEnd(listener: () => void): boolean {
    if (this.#hasEnded) return false
    this.#onEnd ??= []
    this.#onEnd.push(listener)
    return true
  }

  /** The channel has ended, or its connection has while it was joining. */
  ended(): void {
    const listeners = this.#onEnd ?? []
    this.#onEnd = undefined
    this.#hasEnded = true
    for (const listener of listeners) {
      try {
        listener()
      } catch (error) {
        this.#process.crash(error)
      }
    }
  }

  /** Throws during the join, as Phoenix does (C3.6); false once nothing goes out any more. */
  #maySend(what: string): boolean {
    if (this.phase === 'joining') throw new Error(`${what}: the channel is not joined yet`)
    return this.phase !== 'dead'
  }

  #publish(event: string, payload: unknown, from?: Member, local?: boolean): void {
    this.#owner.shared.fanout.broadcast(new Broadcast(this.topic, event, payload), from, local)
  }

  /** What this channel itself sent with `broadcastFrom` does not come back to it here either. */
  #listener(): Subscriber {
    return (broadcast, from) => {
      if (from !== this.#process) this.sendInfo(broadcast)
    }
  }
}
