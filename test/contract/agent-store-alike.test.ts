import { expect } from 'chai'
import fc from 'fast-check'
import { after, before, describe, it } from 'mocha'
import type { Redis } from '../../server/index.ts'
import { connectRedis } from '../../server/redis/connect.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { setUpLmdb, setUpRedis } from './agent-store-backends.ts'
import { play, steps } from './agent-store-model.ts'
import type { StoreSetup } from './agent-store-setup.ts'

describe('AgentStore: LMDB and Redis', () => {
  let server: TestRedis
  let redis: Redis
  let setups: readonly StoreSetup[]
  before(async () => {
    server = await startRedis()
    redis = connectRedis({ url: server.url, onError: () => {} })
    setups = await Promise.all([setUpLmdb(), setUpRedis(redis)])
  })
  after(async () => {
    for (const setup of setups) await setup.cleanup()
    await redis.close()
    await server.stop()
  })

  it('do the same with any sequence of commits, and what the model does', async () => {
    let run = 0
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        run += 1
        const [onLmdb, onRedis] = await Promise.all(
          setups.map((setup) => play(setup, `run ${run}`, sequence)),
        )
        expect(onRedis).to.deep.equal(onLmdb)
      }),
      { numRuns: 30 },
    )
  })
})
