import { mock } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { after, afterEach, before, beforeEach, describe, it } from 'mocha'
import { RedisClock } from '../../../server/redis/clock.ts'
import { connectRedis } from '../../../server/redis/connect.ts'
import { RedisPulse } from '../../../server/redis/pulse.ts'
import type { Redis } from '../../../server/redis/redis.ts'
import { createTelemetry } from '../../../server/telemetry.ts'
import { Queue } from '../../support/queue.ts'
import { REDIS_KINDS, type RedisServers } from '../../support/redis.ts'

const PREFIX = 'test'
const CHANNEL = `${PREFIX}:pulse`
/** Longer than a reading of the clock on a busy machine. */
const FROZEN_MS = 600

for (const { name, start } of REDIS_KINDS) {
  describe(`the pulse of nodes by ${name}`, () => {
    let server: RedisServers
    let connections: readonly [Redis, Redis]

    before(async () => {
      server = await start()
    })
    beforeEach(() => {
      const connect = () => connectRedis({ url: server.url, onError() {} })
      connections = [connect(), connect()]
    })
    afterEach(async () => {
      mock.timers.reset()
      await Promise.all(connections.map((redis) => redis.close()))
    })
    after(() => server.stop())

    /** A node; `lags` are those of the other's pulses. */
    async function startNode(redis: Redis) {
      const telemetry = createTelemetry()
      const lags = new Queue<number>(String)
      telemetry.pulse.subscribe(({ lagMs }) => lags.push(lagMs))
      const pulse = new RedisPulse(redis, PREFIX, telemetry)
      // Resolves when messages flow.
      await redis.subscriber.subscribe(CHANNEL, { message() {}, gap() {} })
      await pulse.beat()
      return { pulse, lags }
    }

    /** Two that hear each other; the first pulse of the one may have come before the other knew the time. */
    async function startNodes() {
      const [here, there] = [await startNode(connections[0]), await startNode(connections[1])]
      await Promise.all([here.pulse.beat(), there.pulse.beat()])
      await Promise.all([here.lags.next(), there.lags.next()])
      return [here, there] as const
    }

    it('tells each how long the other’s message took, and nothing of its own', async () => {
      const [here, there] = await startNodes()
      for (const _ of [1, 2, 3]) {
        await here.pulse.beat()
        expect(await there.lags.next()).to.be.within(0, 5_000)
      }
      await there.pulse.beat()
      expect(await here.lags.next()).to.be.within(0, 5_000)
      expect(here.lags.all, 'no more than the other sent').to.have.length.of.at.most(3)
    })

    it('shows what a message waits in a Redis that stands still', async () => {
      const [here, there] = await startNodes()
      for (const node of server.nodes) node.pause()
      const beaten = here.pulse.beat()
      // Not to wait for anything: so long it stands still.
      await sleep(FROZEN_MS)
      for (const node of server.nodes) node.resume()
      await beaten
      expect(await there.lags.next((lag) => lag > FROZEN_MS / 2)).to.be.below(5_000)
    })

    it('is told from whatever else is said on its channel', async () => {
      const [here, there] = await startNodes()
      const none = ['', 'x', '1 2', 'abcdefghijkl', 'abcdefghijkl 1e3', 'abcdefghijkl -1']
      for (const text of none) await connections[0].publish(CHANNEL, Buffer.from(text))
      await here.pulse.beat()
      await there.lags.next()
      // What they tell, if anything, is a time long ago.
      expect(Math.max(...there.lags.all)).to.be.below(5_000)
    })

    it('goes by Redis’s clock, whatever this machine’s says', async () => {
      const actual = Date.now()
      mock.timers.enable({ apis: ['Date'], now: 0 })
      const clock = new RedisClock(connections[0], 'any')
      expect(clock.now()).to.equal(undefined)
      await clock.read()
      expect(Number(clock.now()) - actual).to.be.within(-5_000, 5_000)
      await connections[0].close()
      await clock.read()
      expect(Number(clock.now()) - actual).to.be.within(-5_000, 10_000)
    })
  })
}
