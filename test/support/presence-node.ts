/**
 * A node of its own that serves the presence room, and shares presence through the Redis at REDIS_URL under
 * PREFIX. LEASE_MS is how long the others believe in it. It prints its URL, and ends with SIGTERM.
 */
import { createEndpoint } from '../../server/endpoint.ts'
import { defineSocket } from '../../server/index.ts'
import { createRedisPresence } from '../../server/presence/redis.ts'
import { createLocalPubSub } from '../../server/pubsub/local.ts'
import { connectRedis } from '../../server/redis/connect.ts'
import { presenceRoom } from './presence-room.ts'

const { REDIS_URL: url = '', PREFIX: prefix = '', LEASE_MS } = process.env
const redis = connectRedis({ url, onError: (error) => console.error(error.message) })
const pubsub = createLocalPubSub()
const leaseMs = Number(LEASE_MS)
const presence = await createRedisPresence(pubsub, { redis, prefix, leaseMs })
const endpoint = createEndpoint({
  pubsub,
  mounts: [{ path: '/socket', socket: defineSocket({ channels: [presenceRoom(presence)] }) }],
})
const port = await endpoint.listen('127.0.0.1', 0)
console.log(`listening on http://127.0.0.1:${port}`)

process.once('SIGTERM', async () => {
  await endpoint.drain({ deadlineMs: 1_000, batchSize: 1_000, batchIntervalMs: 0 })
  await presence.close()
  await redis.close()
})
