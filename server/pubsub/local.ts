import type { PubSub } from './pubsub.ts'
import { Subscribers } from './subscribers.ts'

/** PubSub within one process: a node that stands alone. */
export function createLocalPubSub(): PubSub {
  const subscribers = new Subscribers()
  return {
    subscribe(topic, subscriber) {
      subscribers.add(topic, subscriber)
      return undefined
    },
    unsubscribe(topic, subscriber) {
      subscribers.delete(topic, subscriber)
    },
    publish(broadcast, options) {
      subscribers.deliver(broadcast, options?.from)
      options?.onSent?.(true)
    },
    async isHeard(topic) {
      return subscribers.has(topic)
    },
    async close() {
      subscribers.clear()
    },
  } satisfies PubSub
}
