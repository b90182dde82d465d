import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { createRedisStore } from '../../channels/agent/store/redis.ts'
import { sessionKeys } from '../../channels/agent/store/redis-keys.ts'
import { type AgentStore, RETENTION, type SessionEvent } from '../../channels/agent/store/store.ts'
import type { Redis } from '../../server/index.ts'
import { connectRedis } from '../../server/redis/connect.ts'
import { numbers } from '../support/numbers.ts'
import { Queue } from '../support/queue.ts'
import {
  REDIS_KINDS,
  type RedisServers,
  startRedisCluster,
  type TestRedis,
} from '../support/redis.ts'
import { agentStoreContract } from './agent-store.ts'
import { newPrefix, setUpRedis } from './agent-store-backends.ts'
import { asLocal } from './agent-store-redis-adapter.ts'
import { emit, eventsOf, own, SESSION, shared } from './agent-store-setup.ts'

const onError = () => {}

for (const { name, start } of REDIS_KINDS) {
  describe(`with ${name}`, () => {
    let server: RedisServers
    let redis: Redis
    before(async () => {
      server = await start()
      redis = connectRedis({ url: server.url, onError })
    })
    after(async () => {
      await redis.close()
      await server.stop()
    })

    agentStoreContract(name, () => setUpRedis(redis))

    it('a node that knows of more than Redis has gives the session another epoch', async () => {
      const prefix = newPrefix()
      const store = createRedisStore({ redis, prefix, onError })
      const { all } = sessionKeys(prefix, SESSION)
      const turn = (name: string, lua: string) =>
        redis.script({ name, lua: `for _, key in ipairs(KEYS) do ${lua} end` }, all, [])
      const heard = await listen(store)
      const { epoch } = await emit(store, SESSION)
      await turn('copy', "redis.call('COPY', key, key .. '/copy')")
      for (const _ of numbers(2, 3)) await emit(store, SESSION)
      await heard.next(({ seq }) => seq === 3)
      await turn('restore', "redis.call('COPY', key .. '/copy', key, 'REPLACE')")

      const fourth = await emit(store, SESSION)
      expect(fourth).to.have.property('seq', 2)
      expect(fourth.epoch).to.not.equal(epoch)
      expect(await heard.next((each) => each.epoch === fourth.epoch)).to.deep.equal(fourth)
      const page = await store.events(SESSION, 0, 10)
      expect(page.epoch).to.equal(fourth.epoch)
      expect(page.events.map(({ seq }) => seq)).to.deep.equal([1, 2])
      await store.close()
    })

    it('two nodes that race for one document win once for each of its versions', async () => {
      const other = connectRedis({ url: server.url, onError })
      const prefix = newPrefix()
      const stores = [redis, other].map((each) =>
        createRedisStore({ redis: each, prefix, onError }),
      )
      const [one, two] = stores as [AgentStore, AgentStore]
      const heard = await Promise.all(stores.map((store) => listen(store)))

      const rounds = 100
      for (const round of numbers(1, rounds)) {
        const version = (await one.get(SESSION, own('change')))?.version ?? 0
        const results = await Promise.all(
          numbers(1, 10).map((turn) =>
            (turn % 2 === 0 ? one : two).commit(SESSION, {
              expect: [{ ref: own('change'), version }],
              put: [{ ref: own('change'), value: { round, turn } }],
              event: { event: 'decided', payload: { round, turn } },
            }),
          ),
        )
        const winners = results.flatMap(({ committed }, at) => (committed ? [at + 1] : []))
        expect(winners).to.have.lengthOf(1)
        const decided = await two.get(SESSION, own('change'))
        expect(decided?.value).to.deep.equal({ round, turn: winners[0] })
      }

      const kept = await eventsOf(one, SESSION, 0, 2 * rounds)
      expect(kept.map(({ seq }) => seq)).to.deep.equal(numbers(1, rounds))
      for (const events of heard) {
        await events.next(({ seq }) => seq === rounds)
        expect(events.all).to.deep.equal(kept)
      }
      await Promise.all(stores.map((store) => store.close()))
      await other.close()
    })
  })
}

/** All that the store hears of the session from now on. It is connected first: till then there are gaps. */
async function listen(store: AgentStore): Promise<Queue<SessionEvent>> {
  await store.open(SESSION)
  const events = new Queue<SessionEvent>(({ json }) => json)
  const listener = { event: (event: SessionEvent) => events.push(event), gap() {} }
  await store.subscribe(SESSION, listener).ready
  return events
}

describe('the keys of the store of Redis', () => {
  let cluster: RedisServers
  let redis: Redis
  let cli: TestRedis['cli']
  before(async () => {
    cluster = await startRedisCluster(1)
    redis = connectRedis({ url: cluster.url, onError })
    cli = (...args) => (cluster.nodes[0] as TestRedis).cli(...args)
  })
  after(async () => {
    await redis.close()
    await cluster.stop()
  })

  /** The keys that sessions leave when they use all that there is. */
  async function keysOf(prefix: string, businessId: string): Promise<string[]> {
    const store = createRedisStore({ redis, prefix, onError })
    for (const sessionId of ['s1', 's2', 's/3']) {
      await store.commit(
        { businessId, sessionId },
        {
          expect: [],
          put: [own('a'), shared('a')].map((ref) => ({ ref, value: 1 })),
          event: { event: 'happened', payload: {} },
        },
      )
    }
    const keys = await cli('--scan', '--pattern', `${prefix}:*`)
    return keys.split('\n').sort()
  }

  it('of one business share a slot, whatever its name is', async () => {
    const tags = { b1: 'b1', 'a}{b': 'a%7D%7Bb', é: '%C3%A9', '': '%' }
    for (const [businessId, tag] of Object.entries(tags)) {
      const prefix = newPrefix()
      const keys = await keysOf(prefix, businessId)
      expect(keys).to.have.lengthOf(3 * 3 + 3)
      for (const key of keys) expect(key.startsWith(`${prefix}:{${tag}}/`)).to.equal(true)
      const slots = await Promise.all(keys.map((key) => cli('cluster', 'keyslot', key)))
      expect(new Set(slots)).to.have.property('size', 1)
    }
  })

  it('hold no event that is too old', async () => {
    const prefix = newPrefix()
    let clockOffsetMs = 0
    const options = { redis, prefix, onError, clockOffsetMs: () => clockOffsetMs }
    const store = asLocal(createRedisStore(options))
    const length = () => cli('xlen', `${prefix}:{b1}/session/s1/events`)
    await emit(store, SESSION)
    await emit(store, SESSION)
    clockOffsetMs += RETENTION.eventMs + 1_000
    await emit(store, SESSION)
    expect(await length()).to.equal('1')
    clockOffsetMs += RETENTION.eventMs + 1_000
    await store.open(SESSION)
    expect(await length()).to.equal('0')
    expect(await emit(store, SESSION)).to.have.property('seq', 4)
    await store.close()
  })

  it('end by the clock of Redis: those of a session, and no document of a business', async () => {
    const prefix = newPrefix()
    for (const key of await keysOf(prefix, 'b1')) {
      const left = Number(await cli('pttl', key))
      if (key.includes('/documents')) expect(left).to.equal(-1)
      else expect(left).to.be.within(RETENTION.sessionMs - 60_000, RETENTION.sessionMs)
    }
  })
})
