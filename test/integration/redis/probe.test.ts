import { expect } from 'chai'
import { after, afterEach, before, beforeEach, describe, it } from 'mocha'
import { connectRedis } from '../../../server/redis/connect.ts'
import { RedisProbe } from '../../../server/redis/probe.ts'
import type { Redis } from '../../../server/redis/redis.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'

describe('the probe through Redis', () => {
  let server: TestRedis
  let redis: Redis
  let probe: RedisProbe

  before(async () => {
    server = await startRedis()
  })
  beforeEach(async () => {
    redis = connectRedis({ url: server.url, onError() {} })
    probe = new RedisProbe(redis, 'test')
    // Resolves when messages flow.
    await redis.subscriber.subscribe('test', { message() {}, gap() {} })
  })
  afterEach(() => redis.close())
  after(() => server.stop())

  /** How many messages Redis was given so far. */
  const published = async () =>
    Number(/cmdstat_publish:calls=(\d+)/.exec(await server.cli('info', 'commandstats'))?.[1] ?? 0)

  it('is sent once for all who ask at a time, and again for who asks later', async () => {
    expect(await probe.ask()).to.equal(true)
    for (const sent of [2, 3]) {
      const asked = Array.from({ length: 100 }, () => probe.ask())
      expect(await Promise.all(asked)).to.deep.equal(Array(100).fill(true))
      expect(await published()).to.equal(sent)
    }
  })

  it('says how long it took, and NaN before it has come back', async () => {
    expect(probe.lastMs).to.be.NaN
    await probe.ask()
    expect(probe.lastMs).to.be.within(0, 5_000)
  })
})
