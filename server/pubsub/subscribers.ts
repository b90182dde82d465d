import type { Broadcast } from '../protocol/broadcast.ts'
import type { Subscriber } from './pubsub.ts'

/** Who on this node subscribed to which topic. */
export class Subscribers {
  readonly #topics = new Map<string, Set<Subscriber>>()

  /** Whether it is the topic's first. */
  add(topic: string, subscriber: Subscriber): boolean {
    const subscribers = this.#topics.get(topic)
    if (subscribers) subscribers.add(subscriber)
    else this.#topics.set(topic, new Set([subscriber]))
    return subscribers === undefined
  }

  /** Whether it was the topic's last. */
  delete(topic: string, subscriber: Subscriber): boolean {
    const subscribers = this.#topics.get(topic)
    if (!subscribers?.delete(subscriber) || subscribers.size > 0) return false
    return this.#topics.delete(topic)
  }

  /** Calls them in turn; what one of them throws goes to the caller, and ends it. */
  deliver(broadcast: Broadcast, from: unknown): void {
    const subscribers = this.#topics.get(broadcast.topic)
    if (!subscribers) return
    // A subscriber may leave, and another come, while it is called: the copy keeps the round as it began.
    for (const subscriber of [...subscribers]) subscriber(broadcast, from)
  }

  clear(): void {
    this.#topics.clear()
  }
}
