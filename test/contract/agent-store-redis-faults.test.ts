import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { createRedisStore } from '../../channels/agent/store/redis.ts'
import { checkRedis } from '../../channels/agent/store/redis-check.ts'
import {
  type AgentStore,
  RETENTION,
  type SessionEvent,
  type SessionHead,
  type SessionListener,
  StoreUnavailable,
} from '../../channels/agent/store/store.ts'
import { type Redis, RedisUnavailable } from '../../server/index.ts'
import { connectRedis } from '../../server/redis/connect.ts'
import { within } from '../support/deadline.ts'
import { numbers } from '../support/numbers.ts'
import { Queue } from '../support/queue.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { rejection } from '../support/rejection.ts'
import { emit, eventsOf, own, SESSION } from './agent-store-setup.ts'

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

  const emitId = (id: number) => emit(store, SESSION, { id })
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
    const first = await emitId(0)
    server.pause()
    const asked = numbers(1, 50).map((id) => rejection(emitId(id)))
    for (const error of await within(Promise.all(asked), 3_000, 'the deadline')) {
      expect(error).to.be.instanceOf(StoreUnavailable)
      expect(error).to.have.property('cause').that.is.instanceOf(RedisUnavailable)
    }
    expect(await store.writable()).to.equal(true)
    server.resume()
    const last = await answered(() => emitId(51))

    const kept = await eventsOf(store, SESSION, 0, 100)
    expect(kept.map(({ seq }) => seq)).to.deep.equal(numbers(1, last.seq))
    expect([kept[0], kept.at(-1)]).to.deep.equal([first, last])
    const ids = kept.map(({ json }) => JSON.parse(json).id)
    expect(ids).to.deep.equal([...new Set(ids)])
  })

  it('goes on when Redis has forgotten its scripts', async () => {
    await emitId(1)
    await server.cli('script', 'flush')
    expect(await emitId(2)).to.have.property('seq', 2)
    expect(await heard.next(({ seq }) => seq === 2)).to.have.property('json', '{"seq":2,"id":2}')
  })

  it('goes on where it was when Redis was restarted', async () => {
    const { epoch } = await emitId(1)
    await server.restart({ keepData: true })
    await answered(() => store.open(SESSION))
    await gaps.next()
    expect(await emitId(2)).to.deep.include({ epoch, seq: 2 })
    expect(heads(await eventsOf(store, SESSION, 0, 10))).to.deep.equal([
      { epoch, seq: 1 },
      { epoch, seq: 2 },
    ])
    await heard.next(({ seq }) => seq === 2)
  })

  it('tells by another epoch that Redis has lost its data, and takes nothing old for new', async () => {
    const { epoch } = await emitId(1)
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
    const event = await emitId(1)
    expect(event).to.deep.include({ epoch: head.epoch, seq: 1 })
    expect(await heard.next((each) => each.epoch === head.epoch)).to.deep.equal(event)
    expect(await eventsOf(store, SESSION, 0, 10)).to.deep.equal([event])
  })

  describe('whose Redis comes back with less than it had told', () => {
    const others: { readonly store: AgentStore; readonly redis: Redis }[] = []
    afterEach(async () => {
      for (const other of others.splice(0)) {
        await other.store.close()
        await other.redis.close()
      }
    })

    /** Another node. */
    async function join(listener: SessionListener): Promise<AgentStore> {
      const connection = connectRedis({ url: server.url, onError() {} })
      const other = createRedisStore({ redis: connection, prefix: PREFIX, onError() {} })
      others.push({ store: other, redis: connection })
      await other.subscribe(SESSION, listener).ready
      return other
    }

    const deaf: SessionListener = { event() {}, gap() {} }

    /** Redis forgets the last two of four events. */
    async function forgetTwo(): Promise<void> {
      await emitId(1)
      await emitId(2)
      await server.cli('config', 'set', 'appendonly', 'no')
      await emitId(3)
      await emitId(4)
      await heard.next(({ seq }) => seq === 4)
      await server.kill9()
      await server.restart({ keepData: true })
    }

    it('gives the session another epoch, one for all who knew of more', async () => {
      const knows: AgentStore[] = [store]
      for (let count = 0; count < 3; count += 1) knows.push(await join(deaf))
      const [{ epoch }] = (await Promise.all(knows.map((each) => each.open(SESSION)))) as [
        SessionHead,
      ]
      await forgetTwo()
      const pages = await Promise.all(
        knows.map((each) => answered(() => each.events(SESSION, 0, 10))),
      )
      const [page] = pages
      expect(page?.epoch).to.be.a('string').and.not.equal(epoch)
      expect(page?.events.map(({ json }) => json)).to.deep.equal([
        '{"seq":1,"id":1}',
        '{"seq":2,"id":2}',
      ])
      for (const each of pages) expect(each).to.deep.equal(page)
      expect(await emitId(5)).to.deep.include({ epoch: page?.epoch, seq: 3 })
    })

    it('does so where the numbers were given again, and tells those who took the new for the old', async () => {
      const { epoch } = await store.open(SESSION)
      await forgetTwo()
      const told = new Queue<true>(String)
      const fresh = await join({ event() {}, gap: () => told.push(true) })
      expect(await fresh.open(SESSION)).to.deep.equal({ epoch, seq: 2, oldestSeq: 1 })
      for (const id of numbers(5, 8)) {
        const event = { event: 'happened', payload: { id } }
        await fresh.commit(SESSION, { expect: [], event })
      }
      const gapsBefore = told.all.length
      const page = await answered(() => store.events(SESSION, 4, 10))
      expect(page.epoch).to.not.equal(epoch)
      expect(page.events.map(({ seq }) => seq)).to.deep.equal([5, 6])
      await told.next(() => told.all.length > gapsBefore)
      expect(await fresh.events(SESSION, 4, 10)).to.deep.equal(page)
    })

    it('does so with a commit, before it numbers the event', async () => {
      const { epoch } = await store.open(SESSION)
      await forgetTwo()
      const event = await answered(() => emitId(5))
      expect(event).to.have.property('seq', 3)
      expect(event.epoch).to.not.equal(epoch)
      expect(await store.open(SESSION)).to.deep.equal({ epoch: event.epoch, seq: 3, oldestSeq: 1 })
    })

    it('leaves alone what is no longer kept because so much came after it', async () => {
      const { epoch } = await emitId(1)
      await server.cli('client', 'kill', 'type', 'pubsub')
      await gaps.next()
      const other = await join(deaf)
      const event = { event: 'happened', payload: {} }
      await Promise.all(
        numbers(1, RETENTION.events).map(() => other.commit(SESSION, { expect: [], event })),
      )
      expect(await store.events(SESSION, 0, 1)).to.have.nested.property('events[0].seq', 2)
      expect(await store.open(SESSION)).to.deep.include({ epoch, seq: RETENTION.events + 1 })
    })

    it('leaves alone what it has whole', async () => {
      const { epoch } = await store.open(SESSION)
      await emitId(1)
      await emitId(2)
      await heard.next(({ seq }) => seq === 2)
      await server.restart({ keepData: true })
      expect(await answered(() => store.events(SESSION, 1, 10))).to.deep.include({ epoch })
      expect(await emitId(3)).to.deep.include({ epoch, seq: 3 })
    })
  })

  it('tells its listeners of a gap when the subscription was lost', async () => {
    await server.cli('client', 'kill', 'type', 'pubsub')
    await gaps.next()
    await emitId(1)
    await heard.next()
  })

  it('refuses a commit whole when the memory of Redis is full, and reads on', async () => {
    const event = await emitId(1)
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
    expect(await eventsOf(store, SESSION, 0, 10)).to.deep.equal([event])
    await server.cli('config', 'set', 'maxmemory', '0')
    expect(await store.commit(SESSION, commit)).to.have.nested.property('event.seq', 2)
  })

  it('is closed when what had begun is done', async () => {
    server.pause()
    const begun = emitId(1)
    const closed = store.close().then(() => 'closed')
    const open = new Promise((resolve) => setImmediate(resolve, 'open'))
    expect(await Promise.race([closed, open])).to.equal('open')
    server.resume()
    await closed
    expect(await begun).to.have.property('seq', 1)
  })

  it('reports messages that are no events, and passes on none of them', async () => {
    const channel = `${PREFIX}:{b1}/session/s1/events`
    const encoded = ['0-1\ne\nhappened\n{}', '1-1\ne\nhappened\n[]', '1-1\ne\n\n{}']
    const strange = ['', 'x', '1-1\n{}', ...encoded]
    for (const message of strange) await redis.publish(channel, Buffer.from(message))
    const event = await emitId(1)
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
