/** What this node shares with others: by Redis, or with nobody. */
import type { Config } from './config.ts'
import { createLocalPresence } from './presence/local.ts'
import type { Presence } from './presence/presence.ts'
import { createRedisPresence } from './presence/redis.ts'
import { createLocalPubSub } from './pubsub/local.ts'
import type { PubSub } from './pubsub/pubsub.ts'
import { createRedisPubSub } from './pubsub/redis.ts'
import { connectRedis } from './redis/connect.ts'
import { RedisProbe } from './redis/probe.ts'
import { RedisPulse } from './redis/pulse.ts'
import type { Redis } from './redis/redis.ts'
import type { Telemetry } from './telemetry.ts'

/** The connections to Redis, and how well they are. */
export interface SharedRedis {
  readonly redis: Redis
  readonly prefix: string
  readonly probe: RedisProbe
}

export interface Sharing {
  readonly pubsub: PubSub
  /** Undefined for a node that stands alone. */
  readonly shared: SharedRedis | undefined
  /** Resolves when the node knows who is there, or Redis cannot be asked just now. */
  presence(): Promise<Presence>
  /** After the last client has gone and the app is closed. */
  close(): Promise<void>
}

/** How often probe and pulse are sent for the metrics. */
const PROBE_EVERY_MS = 5_000

/** Connects, without waiting for it. */
export function share(
  config: Pick<Config, 'redisUrl' | 'redisPrefix'>,
  telemetry: Telemetry,
  onError: (error: Error) => void,
): Sharing {
  const { redisUrl: url, redisPrefix: prefix } = config
  if (url === undefined) {
    const pubsub = createLocalPubSub()
    const presence = createLocalPresence(pubsub, { telemetry })
    return {
      pubsub,
      shared: undefined,
      presence: async () => presence,
      close: () => presence.close(),
    }
  }
  const redis = connectRedis({ url, onError })
  const probe = new RedisProbe(redis, prefix)
  const pulse = new RedisPulse(redis, prefix, telemetry)
  void pulse.beat()
  const probing = setInterval(() => {
    void probe.ask()
    void pulse.beat()
  }, PROBE_EVERY_MS).unref()
  const pubsub = createRedisPubSub({ redis, prefix, telemetry })
  let presence: Promise<Presence> | undefined
  return {
    pubsub,
    shared: { redis, prefix, probe },
    presence() {
      presence ??= createRedisPresence(pubsub, { redis, prefix, telemetry })
      return presence
    },
    async close() {
      clearInterval(probing)
      await (await presence)?.close()
      await redis.close()
    },
  }
}
