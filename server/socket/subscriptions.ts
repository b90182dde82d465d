import type { Subscriber } from '../pubsub/pubsub.ts'
import type { Lane, Member } from './fanout.ts'
import type { Owner } from './owner.ts'

/** Everything one joined channel is subscribed to, so that its end can give it all up. */
export class Subscriptions {
  readonly #owner: Owner
  readonly #intercepts: ReadonlySet<string>
  readonly #member: Member
  /** Topics whose messages flow to this node for us, with the lane they go to the client on, if any yet. */
  readonly #lanes = new Map<string, Lane | undefined>()
  readonly #onGap: ((topic: string) => void) | undefined
  /** What tells the channel of a gap, by topic; few channels want to know. */
  #gaps: Map<string, () => void> | undefined
  /** Few channels listen to anything. */
  #listening: Map<string, Subscriber> | undefined

  constructor(
    owner: Owner,
    intercepts: ReadonlySet<string>,
    member: Member,
    onGap?: (topic: string) => void,
  ) {
    this.#owner = owner
    this.#onGap = onGap
    this.#intercepts = intercepts
    this.#member = member
  }

  /** Messages begin to flow to this node; nothing reaches the client yet. */
  hold(topic: string): Promise<void> | undefined {
    this.#lanes.set(topic, undefined)
    return this.#owner.shared.fanout.hold(topic, this.#gapOf(topic))
  }

  /** From here on a held topic's broadcasts go to the client, under `wireTopic`. */
  attach(topic: string, wireTopic: string): void {
    if (!this.#lanes.has(topic) || this.#lanes.get(topic)) return
    const { shared, codec } = this.#owner
    const lane = shared.fanout.attach(topic, wireTopic, codec, this.#intercepts, this.#member)
    this.#lanes.set(topic, lane)
  }

  isOn(lane: Lane): boolean {
    return this.#lanes.get(lane.topic) === lane
  }

  has(topic: string): boolean {
    return this.#lanes.has(topic)
  }

  /** Hands a topic's broadcasts to `subscriber` instead. */
  listen(topic: string, subscriber: Subscriber): Promise<void> | undefined {
    this.#listening ??= new Map()
    if (this.#listening.has(topic)) return undefined
    this.#listening.set(topic, subscriber)
    return this.#owner.shared.pubsub.subscribe(topic, subscriber, this.#gapOf(topic))
  }

  #gapOf(topic: string): (() => void) | undefined {
    const onGap = this.#onGap
    if (!onGap) return undefined
    this.#gaps ??= new Map()
    const gap = this.#gaps.get(topic) ?? (() => onGap(topic))
    this.#gaps.set(topic, gap)
    return gap
  }

  /** Gives up both kinds of subscription to a topic. */
  drop(topic: string): void {
    const { fanout, pubsub } = this.#owner.shared
    if (this.#lanes.has(topic)) {
      const lane = this.#lanes.get(topic)
      if (lane) fanout.detach(lane, this.#member)
      this.#lanes.delete(topic)
      fanout.release(topic, this.#gaps?.get(topic))
    }
    const subscriber = this.#listening?.get(topic)
    if (subscriber) {
      this.#listening?.delete(topic)
      pubsub.unsubscribe(topic, subscriber)
    }
    this.#gaps?.delete(topic)
  }

  dropAll(): void {
    for (const topic of this.#lanes.keys()) this.drop(topic)
    for (const topic of this.#listening?.keys() ?? []) this.drop(topic)
  }
}
