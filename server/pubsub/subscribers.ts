import type { Broadcast } from '../protocol/broadcast.ts'
import type { Subscriber } from './pubsub.ts'

/** Who on this node subscribed to which topic: nearly always one, this node's fan-out, which needs no set. */
export class Subscribers {
  readonly #topics = new Map<string, Subscriber | Set<Subscriber>>()

  /** Whether it is the topic's first. */
  add(topic: string, subscriber: Subscriber): boolean {
    const known = this.#topics.get(topic)
    if (!known) this.#topics.set(topic, subscriber)
    else if (known instanceof Set) known.add(subscriber)
    else if (known !== subscriber) this.#topics.set(topic, new Set([known, subscriber]))
    return !known
  }

  /** Whether it was the topic's last. */
  delete(topic: string, subscriber: Subscriber): boolean {
    const known = this.#topics.get(topic)
    if (known === subscriber) return this.#topics.delete(topic)
    if (!(known instanceof Set)) return false
    return known.delete(subscriber) && known.size === 0 && this.#topics.delete(topic)
  }

  has(topic: string): boolean {
    return this.#topics.has(topic)
  }

  /** Calls them in turn; what one of them throws goes to the caller, and ends it. */
  deliver(broadcast: Broadcast, from: unknown): void {
    const known = this.#topics.get(broadcast.topic)
    if (!known) return
    if (!(known instanceof Set)) known(broadcast, from)
    // A subscriber may leave, and another come, while it is called: the copy keeps the round as it began.
    else for (const subscriber of [...known]) subscriber(broadcast, from)
  }

  clear(): void {
    this.#topics.clear()
  }
}
