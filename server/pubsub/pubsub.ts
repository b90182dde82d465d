import type { Broadcast } from '../protocol/broadcast.ts'

/** Called once for each broadcast on a topic it subscribed to. `from` is what the publisher gave. */
export type Subscriber = (broadcast: Broadcast, from: unknown) => void

export interface PublishOptions {
  /** Handed to this node's subscribers, so that one of them can leave the sender out. */
  readonly from?: unknown
  /** Only to this node's subscribers. */
  readonly local?: boolean
  /**
   * Called once, unless `publish` throws: whether the broadcast is on its way to other nodes; false: it may not
   * be. True is no receipt: a node that cannot listen just then misses it.
   */
  readonly onSent?: (isSent: boolean) => void
}

/**
 * Messages by topic, to this node and to others. A topic is any string, without patterns (C6.15).
 *
 * Guarantees: delivery is at most once, without replay. Messages of one publishing node reach one
 * subscriber in the order they were published. This node's subscribers are called before `publish` returns,
 * whether or not other nodes can be reached; the publisher's own message never comes back to it from outside.
 */
export interface PubSub {
  /**
   * Subscribing twice is the same as once. Where other nodes' messages need a moment to flow, the promise
   * resolves when they do, or when waiting for them is given up. `onGap` is called when other nodes' messages
   * flow again, or at last, and some may have been missed.
   */
  subscribe(topic: string, subscriber: Subscriber, onGap?: () => void): Promise<void> | undefined
  unsubscribe(topic: string, subscriber: Subscriber): void
  /**
   * Throws what a local subscriber threw (a payload that cannot be encoded); then no other node gets it.
   */
  publish(broadcast: Broadcast, options?: PublishOptions): void
  /**
   * Whether anybody subscribes to the topic, on any node; a node that died does not. True where that cannot be
   * found out.
   */
  isHeard(topic: string): Promise<boolean>
  /** After it nothing is delivered, and `publish` reaches nobody. */
  close(): Promise<void>
}
