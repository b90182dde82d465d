import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { createRedisStore } from '../../channels/agent/store/redis.ts'
import { checkRedis } from '../../channels/agent/store/redis-check.ts'
import {
  type AgentStore,
  type SessionEvent,
  StoreUnavailable,
} from '../../channels/agent/store/store.ts'
import { type Redis, RedisUnavailable } from '../../server/index.ts'
import { connectRedis } from '../../server/redis/connect.ts'
import { within } from '../support/deadline.ts'
import { Queue } from '../support/queue.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { numbers, own, rejection, SESSION } from './agent-store-setup.ts'

const PREFIX = 'test'
const RETRY_MS = 20

describe('the store of Redis', () => {
  let server: TestRedis
  let redis: Redis
  let store: AgentStore
  let heard: Queue<SessionEvent>
  let gaps: Queue<true>
  let errors: Queue<unknown>
  beforeEach(async () => {
    server = await startRedis({ appendonly: true })
    redis = connectRedis({ url: server.url, onError() {} })
    heard = new Queue(({ json }) => json)
    gaps = new Queue(String)
    errors = new Queue(String)
    store = createRedisStore({ redis, prefix: PREFIX, onError: (error) => errors.push(error) })
    await store.subscribe(SESSION, {
      event: (event) => heard.push(event),
      gap: () => gaps.push(true),
    }).ready
  })
  afterEach(async () => {
    await store.close()
    await redis.close()
    await server.stop()
  })

  const emit = async (id: number): Promise<SessionEvent> => {
    const event = { event: 'happened', payload: { id } }
    const result = await store.commit(SESSION, { expect: [], event })
    if (!result.committed || !result.event) throw new Error('an event that was not committed')
    return result.event as SessionEvent
  }
  const heads = (events: readonly SessionEvent[]) =>
    events.map(({ epoch, seq }) => ({ epoch, seq }))

  /** Asks until Redis answers: the test's deadline is the mocha one. */
  async function answered<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await ask()
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      }
    }
  }

  it('that gets no answer says so in time, and has done everything once or never', async () => {
    const first = await emit(0)
    server.pause()
    const asked = numbers(1, 50).map((id) => rejection(emit(id)))
    for (const error of await within(Promise.all(asked), 3_000, 'the deadline')) {
      expect(error).to.be.instanceOf(StoreUnavailable)
      expect(error).to.have.property('cause').that.is.instanceOf(RedisUnavailable)
    }
    expect(await store.writable()).to.equal(true)
    server.resume()
    const last = await answered(() => emit(51))

    const kept = await store.events(SESSION, 0, 100)
    expect(kept.map(({ seq }) => seq)).to.deep.equal(numbers(1, last.seq))
    expect([kept[0], kept.at(-1)]).to.deep.equal([first, last])
    const ids = kept.map(({ json }) => JSON.parse(json).id)
    expect(ids).to.deep.equal([...new Set(ids)])
  })

  it('goes on when Redis has forgotten its scripts', async () => {
    await emit(1)
    await server.cli('script', 'flush')
    expect(await emit(2)).to.have.property('seq', 2)
    expect(await heard.next(({ seq }) => seq === 2)).to.have.property('json', '{"seq":2,"id":2}')
  })

  it('goes on where it was when Redis was restarted', async () => {
    const { epoch } = await emit(1)
    await server.restart({ keepData: true })
    await answered(() => store.open(SESSION))
    await gaps.next()
    expect(await emit(2)).to.deep.include({ epoch, seq: 2 })
    expect(heads(await store.events(SESSION, 0, 10))).to.deep.equal([
      { epoch, seq: 1 },
      { epoch, seq: 2 },
    ])
    await heard.next(({ seq }) => seq === 2)
  })

  it('tells by another epoch that Redis has lost its data, and takes nothing old for new', async () => {
    const { epoch } = await emit(1)
    await store.commit(SESSION, { expect: [], put: [{ ref: own('a'), value: 'old' }] })
    const old = await store.get(SESSION, own('a'))
    await server.restart({ keepData: false })
    const head = await answered(() => store.open(SESSION))
    expect(head).to.deep.include({ seq: 0, oldestSeq: 1 }).and.not.include({ epoch })

    await store.commit(SESSION, { expect: [], put: [{ ref: own('a'), value: 'new' }] })
    const expectation = { ref: own('a'), version: old?.version ?? 0 }
    const late = await store.commit(SESSION, { expect: [expectation], remove: [own('a')] })
    expect(late).to.deep.equal({ committed: false })
    expect((await store.get(SESSION, own('a')))?.version).to.be.above(expectation.version)

    await gaps.next()
    const event = await emit(1)
    expect(event).to.deep.include({ epoch: head.epoch, seq: 1 })
    expect(await heard.next((each) => each.epoch === head.epoch)).to.deep.equal(event)
    expect(await store.events(SESSION, 0, 10)).to.deep.equal([event])
  })

  it('tells its listeners of a gap when the subscription was lost', async () => {
    await server.cli('client', 'kill', 'type', 'pubsub')
    await gaps.next()
    await emit(1)
    await heard.next()
  })

  it('refuses a commit whole when the memory of Redis is full, and reads on', async () => {
    const event = await emit(1)
    await store.commit(SESSION, { expect: [], put: [{ ref: own('a'), value: 1 }] })
    const before = await store.list(SESSION, own(''), { limit: 10 })
    await server.cli('config', 'set', 'maxmemory', '1')
    const commit = {
      expect: [],
      put: [own('a'), own('b')].map((ref) => ({ ref, value: 2 })),
      event: { event: 'happened', payload: {} },
    }
    const fresh = { businessId: 'b1', sessionId: 'fresh' }
    for (const refused of [store.commit(SESSION, commit), store.open(fresh)]) {
      expect(await rejection(refused)).to.be.instanceOf(StoreUnavailable)
    }
    expect(await store.list(SESSION, own(''), { limit: 10 })).to.deep.equal(before)
    expect(await store.events(SESSION, 0, 10)).to.deep.equal([event])
    await server.cli('config', 'set', 'maxmemory', '0')
    expect(await store.commit(SESSION, commit)).to.have.nested.property('event.seq', 2)
  })

  it('is closed when what had begun is done', async () => {
    server.pause()
    const begun = emit(1)
    const closed = store.close().then(() => 'closed')
    const open = new Promise((resolve) => setImmediate(resolve, 'open'))
    expect(await Promise.race([closed, open])).to.equal('open')
    server.resume()
    await closed
    expect(await begun).to.have.property('seq', 1)
  })

  it('reports messages that are no events, and passes on none of them', async () => {
    const channel = `${PREFIX}:{b1}/session/s1/events`
    const strange = ['', 'x', '0\ne\nhappened\n{}', '1\ne\nhappened\n[]', '1\ne\n\n{}', '1\n{}']
    for (const message of strange) await redis.publish(channel, Buffer.from(message))
    const event = await emit(1)
    expect(await heard.next()).to.deep.equal(event)
    expect(heard.all).to.have.lengthOf(1)
    expect(errors.all).to.have.lengthOf(strange.length)
  })

  describe('at the start', () => {
    it('accepts a Redis that evicts nothing, and refuses any other in one line', async () => {
      expect(await checkRedis(redis)).to.equal(undefined)
      for (const policy of ['allkeys-lru', 'volatile-ttl']) {
        await server.cli('config', 'set', 'maxmemory-policy', policy)
        expect(String(await rejection(checkRedis(redis)))).to.equal(
          `Error: REDIS_URL: maxmemory-policy of this Redis is ${policy}; it must be noeviction`,
        )
      }
    })

    it('only warns where Redis does not tell', async () => {
      await server.cli('acl', 'setuser', 'default', '-info')
      expect(await checkRedis(redis)).to.match(/^REDIS_URL: .*maxmemory-policy.*noeviction$/)
    })

    it('says so when Redis is away', async () => {
      await server.kill9()
      expect(await rejection(checkRedis(redis))).to.be.instanceOf(RedisUnavailable)
    })
  })
})
