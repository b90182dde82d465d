import { Broadcast } from '../../../server/protocol/broadcast.ts'
import type { PubSub } from '../../../server/pubsub/pubsub.ts'
import { createRedisPubSub } from '../../../server/pubsub/redis.ts'
import { connectRedis } from '../../../server/redis/connect.ts'
import type { Redis } from '../../../server/redis/redis.ts'
import { createTelemetry } from '../../../server/telemetry.ts'
import { Queue } from '../../support/queue.ts'

/** A node's Redis and PubSub. What it rejects without anybody looking at it fails the test: mocha sees to that. */
export interface TestNode {
  readonly redis: Redis
  readonly pubsub: PubSub
  /** Why Redis was away. */
  readonly errors: Queue<string>
  /** The reasons of what was dropped, one for each message. */
  readonly dropped: Queue<string>
  /** Subscribes; what comes is the text of each message, and `gap`. Resolves when messages flow. */
  hear(topic: string): Promise<Queue<string>>
  say(topic: string, text: string): void
  close(): Promise<void>
}

export function startNode(url: string): TestNode {
  const errors = new Queue<string>(String)
  const dropped = new Queue<string>(String)
  const telemetry = createTelemetry()
  telemetry.dropped.subscribe(({ reason, count }) => {
    for (let each = 0; each < count; each++) dropped.push(reason)
  })
  const redis = connectRedis({ url, onError: ({ message }) => errors.push(message) })
  const pubsub = createRedisPubSub({ redis, prefix: 'test', telemetry })
  return {
    redis,
    pubsub,
    errors,
    dropped,
    async hear(topic) {
      const heard = new Queue<string>(String)
      const subscriber = ({ json }: Broadcast): void => heard.push(JSON.parse(json))
      await pubsub.subscribe(topic, subscriber, () => heard.push('gap'))
      return heard
    },
    say: (topic, text) => pubsub.publish(new Broadcast(topic, 'said', text)),
    async close() {
      await pubsub.close()
      await redis.close()
    },
  }
}

/** Asks again and again, for what nothing announces. Rejects after 10 s. */
export async function eventually<T>(
  ask: () => Promise<T>,
  isSo: (value: T) => boolean,
): Promise<T> {
  const deadline = performance.now() + 10_000
  for (;;) {
    const value = await ask()
    if (isSo(value)) return value
    if (performance.now() > deadline) throw new Error(`still ${JSON.stringify(value)}`)
    await new Promise(setImmediate)
  }
}
