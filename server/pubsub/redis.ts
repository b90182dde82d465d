import { randomBytes } from 'node:crypto'
import type { Broadcast } from '../protocol/broadcast.ts'
import type { ChannelListener, Redis, Script } from '../redis/redis.ts'
import type { Telemetry } from '../telemetry.ts'
import { decodeEnvelope, encodeEnvelope } from './envelope.ts'
import type { PublishOptions, PubSub, Subscriber } from './pubsub.ts'
import { Subscribers } from './subscribers.ts'

export interface RedisPubSubOptions {
  readonly redis: Redis
  /** Begins every channel: nodes with one Redis and one prefix hear each other. */
  readonly prefix: string
  /** Counts as dropped what was not published, and messages on our channels that are none of ours. */
  readonly telemetry: Pick<Telemetry, 'dropped' | 'crashed'>
}

/**
 * PubSub among all nodes with one Redis, by a Redis channel for each topic that this node has subscribers of.
 * What Redis does not take within 2 s is dropped and counted; this node's subscribers get it all the same.
 * The connections stay open when it is closed: they are the caller's.
 */
export function createRedisPubSub(options: RedisPubSubOptions): PubSub {
  return new RedisPubSub(options)
}

/** How many connections subscribe to a channel. A script, because it is asked where the channel's slot is. */
const COUNT: Script = {
  name: 'count-subscribers',
  lua: "return redis.call('PUBSUB', ARGV[1], KEYS[1])[2]",
}

class RedisPubSub implements PubSub {
  readonly #redis: Redis
  readonly #prefix: string
  readonly #telemetry: RedisPubSubOptions['telemetry']
  /** What this run of this node is known by. */
  readonly #bootId = randomBytes(12).toString('base64url')
  readonly #subscribers = new Subscribers()
  readonly #topics = new Map<string, Topic>()
  #isClosed = false

  constructor({ redis, prefix, telemetry }: RedisPubSubOptions) {
    this.#redis = redis
    this.#prefix = prefix
    this.#telemetry = telemetry
  }

  subscribe(name: string, subscriber: Subscriber, onGap?: () => void): Promise<void> | undefined {
    if (this.#isClosed) return undefined
    this.#subscribers.add(name, subscriber)
    const topic = this.#topics.get(name) ?? this.#begin(name)
    if (onGap) topic.onGap.set(subscriber, onGap)
    return this.#redis.subscriber.subscribe(topic.channel, topic)
  }

  unsubscribe(name: string, subscriber: Subscriber): void {
    const topic = this.#topics.get(name)
    topic?.onGap.delete(subscriber)
    if (topic && this.#subscribers.delete(name, subscriber)) this.#end(name, topic)
  }

  publish(broadcast: Broadcast, { from, local = false, onSent }: PublishOptions = {}): void {
    if (this.#isClosed) {
      onSent?.(false)
      return
    }
    // Encoded before anybody gets it: what cannot be encoded is thrown, and nobody does.
    const data = local ? undefined : encodeEnvelope({ sender: this.#bootId, broadcast })
    this.#subscribers.deliver(broadcast, from)
    if (!data) {
      onSent?.(true)
      return
    }
    const taken = this.#redis.publish(channelOf(this.#prefix, broadcast.topic), data)
    void taken.then(onSent && (() => onSent(true)), () => {
      this.#telemetry.dropped.publish({ reason: 'redis_publish', count: 1 })
      onSent?.(false)
    })
  }

  async isHeard(topic: string): Promise<boolean> {
    if (this.#subscribers.has(topic)) return true
    const command = this.#redis.isSharded ? 'SHARDNUMSUB' : 'NUMSUB'
    try {
      return (await this.#redis.script(COUNT, [channelOf(this.#prefix, topic)], [command])) !== 0
    } catch {
      return true
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#subscribers.clear()
    for (const [name, topic] of this.#topics) this.#end(name, topic)
  }

  #begin(name: string): Topic {
    const topic: Topic = {
      channel: channelOf(this.#prefix, name),
      onGap: new Map(),
      message: (data) => this.#receive(name, data),
      gap() {
        for (const tell of [...topic.onGap.values()]) tell()
      },
    }
    this.#topics.set(name, topic)
    return topic
  }

  #end(name: string, topic: Topic): void {
    this.#topics.delete(name)
    this.#redis.subscriber.unsubscribe(topic.channel, topic)
  }

  #receive(topic: string, data: Buffer): void {
    const envelope = decodeEnvelope(data)
    if (envelope?.sender === this.#bootId) return
    if (envelope?.broadcast.topic !== topic) {
      this.#telemetry.dropped.publish({ reason: 'foreign_envelope', count: 1 })
      return
    }
    try {
      this.#subscribers.deliver(envelope.broadcast, undefined)
    } catch (error) {
      this.#telemetry.crashed.publish({ topic, error })
    }
  }
}

/** A topic with subscribers on this node. */
interface Topic extends ChannelListener {
  readonly channel: string
  readonly onGap: Map<Subscriber, () => void>
}

/** Channels are bytes: a topic that has no UTF-8 form (a lone surrogate) would share another one's. */
function channelOf(prefix: string, topic: string): string {
  if (topic.isWellFormed()) return `${prefix}:t:${topic}`
  return `${prefix}:u:${Buffer.from(topic, 'utf16le').toString('hex')}`
}
