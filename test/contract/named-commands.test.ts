import { after, before, describe } from 'mocha'
import type { Redis } from '../../server/index.ts'
import { connectRedis } from '../../server/redis/connect.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { setUpLmdb, setUpRedis } from './agent-store-backends.ts'
import { namedCommandContract } from './named-commands.ts'

namedCommandContract('LMDB', setUpLmdb)

describe('with Redis', () => {
  let server: TestRedis
  let redis: Redis
  before(async () => {
    server = await startRedis()
    redis = connectRedis({ url: server.url, onError: () => {} })
  })
  after(async () => {
    await redis.close()
    await server.stop()
  })

  namedCommandContract('Redis', () => setUpRedis(redis))
})
