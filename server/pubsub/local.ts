import type { Broadcast } from '../protocol/broadcast.ts'
import type { PublishOptions, PubSub, Subscriber } from './pubsub.ts'

/** PubSub within one process: a node that stands alone. */
export function createLocalPubSub(): PubSub {
  const topics = new Map<string, Set<Subscriber>>()
  return {
    subscribe(topic, subscriber) {
      const subscribers = topics.get(topic)
      if (subscribers) subscribers.add(subscriber)
      else topics.set(topic, new Set([subscriber]))
      return undefined
    },
    unsubscribe(topic, subscriber) {
      const subscribers = topics.get(topic)
      if (subscribers?.delete(subscriber) && subscribers.size === 0) topics.delete(topic)
    },
    publish(broadcast: Broadcast, options?: PublishOptions) {
      const subscribers = topics.get(broadcast.topic)
      if (!subscribers) return
      // A subscriber may leave, and another come, while it is called: the copy keeps the round as it began.
      for (const subscriber of subscribers.size === 1 ? subscribers : [...subscribers]) {
        subscriber(broadcast, options?.from)
      }
    },
    async close() {
      topics.clear()
    },
  } satisfies PubSub
}
