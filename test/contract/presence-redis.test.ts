import { randomUUID } from 'node:crypto'
import { after, before, describe } from 'mocha'
import { createRedisPresence } from '../../server/presence/redis.ts'
import { createLocalPubSub } from '../../server/pubsub/local.ts'
import { connectRedis } from '../../server/redis/connect.ts'
import { startRedis, startRedisCluster } from '../support/redis.ts'
import { presenceContract } from './presence.ts'
import type { PresenceSetup } from './presence-setup.ts'

const kinds = { Redis: () => startRedis(), 'Redis Cluster': () => startRedisCluster() }

for (const [name, start] of Object.entries(kinds)) {
  describe(name, () => {
    let server: Awaited<ReturnType<typeof start>>
    before(async () => {
      server = await start()
    })
    after(() => server.stop())

    presenceContract(`nodes that share a ${name}`, async () => setupOn(server.url), {
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
