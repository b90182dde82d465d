import { randomUUID } from 'node:crypto'
import { after, before, describe } from 'mocha'
import { createRedisPresence } from '../../server/presence/redis.ts'
import { createLocalPubSub } from '../../server/pubsub/local.ts'
import { connectRedis } from '../../server/redis/connect.ts'
import { REDIS_KINDS, type RedisServers } from '../support/redis.ts'
import { presenceContract } from './presence.ts'
import type { PresenceSetup } from './presence-setup.ts'

for (const { name, start } of REDIS_KINDS) {
  describe(`with ${name}`, () => {
    let server: RedisServers
    before(async () => {
      server = await start()
    })
    after(() => server.stop())

    presenceContract(`nodes that share ${name}`, async () => setupOn(server.url), {
      nodes: 'many',
    })
  })
}

/** Nodes with connections of their own, under a prefix that no other test has. */
function setupOn(url: string): PresenceSetup {
  const prefix = `test-${randomUUID()}`
  const ends: (() => Promise<void>)[] = []
  return {
    async node(options) {
      const redis = connectRedis({ url, onError() {} })
      const pubsub = createLocalPubSub()
      const presence = await createRedisPresence(pubsub, { ...options, redis, prefix })
      ends.push(async () => {
        await presence.close()
        await redis.close()
      })
      return { pubsub, presence }
    },
    async cleanup() {
      await Promise.all(ends.map((end) => end()))
    },
  }
}
