import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { after, afterEach, before, beforeEach, describe, it } from 'mocha'
import { defaultQuery } from '../../channels/agent/query/query.ts'
import { createEmbeddedRepository } from '../../channels/agent/repository/embedded.ts'
import type { Repository } from '../../channels/agent/repository/repository.ts'
import { SEED } from '../../channels/agent/repository/seed.ts'
import type { TransactionalRepository } from '../../channels/agent/repository/transactional.ts'
import { openLmdbStore } from '../../channels/agent/store/lmdb.ts'
import { createRedisStore } from '../../channels/agent/store/redis.ts'
import type { AgentStore } from '../../channels/agent/store/store.ts'
import type { Redis } from '../../server/index.ts'
import { connectRedis } from '../../server/redis/connect.ts'
import { inPlaceOf } from '../support/in-place-of.ts'
import { REDIS_KINDS, type RedisServers } from '../support/redis.ts'
import { rejection } from '../support/rejection.ts'
import { own, SESSION } from './agent-store-setup.ts'
import { repositoryContract } from './repository.ts'
import { BUSINESS, changeTo, placeOf, put, read, versionOf, write } from './repository-setup.ts'

const onError = () => {}

/** Opens the stores of two nodes with the same data; they may be one. */
type OpenStores = () => Promise<readonly [AgentStore, AgentStore]>

/** As an approval does it: the record’s change is a part of a commit of some session of its business. */
const committing = (store: AgentStore, repository: TransactionalRepository): Repository => ({
  types: () => repository.types(),
  find: (businessId, query) => repository.find(businessId, query),
  get: (businessId, type, id) => repository.get(businessId, type, id),
  async apply(businessId, change, expectedVersion) {
    const session = { businessId, sessionId: change.changeId }
    const { committed } = await store.commit(session, repository.stage(change, expectedVersion))
    return committed ? 'applied' : 'conflict'
  },
})

const open = (store: AgentStore, seed = false): Repository =>
  committing(store, createEmbeddedRepository(store, { seed }))

/** Runs the suites on stores that `openStores` opens, on the same empty data within one test. */
function onStores(name: string, openStores: () => OpenStores, cleanup: () => Promise<void>): void {
  repositoryContract(name, async () => {
    const openAgain = openStores()
    let stores = await openAgain()
    const close = () => Promise.all(stores.map((store) => store.close()))
    return {
      repository: open(stores[0]),
      other: open(stores[1]),
      async reopen() {
        await close()
        stores = await openAgain()
        return open(stores[0])
      },
      async cleanup() {
        await close()
        await cleanup()
      },
    }
  })

  describe(`the embedded repository on ${name}`, () => {
    let stores: readonly [AgentStore, AgentStore]
    beforeEach(async () => {
      stores = await openStores()()
    })
    afterEach(async () => {
      await Promise.all(stores.map((store) => store.close()))
      await cleanup()
    })

    it('changes a record together with the rest of the commit, or neither', async () => {
      const [store] = stores
      const repository = createEmbeddedRepository(store, { seed: false })
      const place = placeOf(open(store), 'r1')
      await put(open(store), place, { total: 1 })
      const before = await read(open(store), place)
      const base = before?.version ?? 0
      const change = changeTo(place, { id: 'r1', total: 2 }, base)
      const { expect: based, put: records, remove } = repository.stage(change, base)
      const decide = (version: number) =>
        store.commit(SESSION, {
          expect: [{ ref: own('change'), version }, ...based],
          put: [{ ref: own('change'), value: 'approved' }, ...records],
          remove,
        })
      expect(await decide(1)).to.deep.equal({ committed: false })
      expect(await read(open(store), place)).to.deep.equal(before)
      expect(await decide(0)).to.include({ committed: true })
      expect((await read(open(store), place))?.record).to.deep.equal({ id: 'r1', total: 2 })
      expect(await store.get(SESSION, own('change'))).to.include({ value: 'approved' })
    })

    it('ends a search that nobody waits for any more, also before it begins', async () => {
      const [store] = stores
      const aborting = new AbortController()
      let reads = 0
      const watched = inPlaceOf(store, {
        list(...range) {
          reads += 1
          aborting.abort(new Error('gone'))
          return store.list(...range)
        },
      })
      const repository = createEmbeddedRepository(watched, { seed: false })
      const [type = ''] = repository.types().map(({ name }) => name)
      await put(open(store), placeOf(open(store), 'r1'))
      const searches = [1, 2, 3].map(() => {
        return rejection(repository.find(BUSINESS, defaultQuery(type), aborting.signal))
      })
      for (const error of await Promise.all(searches)) expect(error).to.include({ message: 'gone' })
      expect(reads).to.equal(1)
      expect(await repository.find(BUSINESS, defaultQuery(type))).to.include({ total: 1 })
    })

    it('puts its first records once, whoever asks first, and never again', async () => {
      const nodes = stores.map((store) => open(store, true)) as [Repository, Repository]
      const found = await Promise.all(
        [...nodes, ...nodes].flatMap((node) =>
          node.types().map(({ name }) => node.find(BUSINESS, defaultQuery(name))),
        ),
      )
      const types = nodes[0].types().map(({ name }) => name)
      for (const [at, { records }] of found.entries()) {
        expect(records).to.deep.equal(SEED[types[at % types.length] ?? ''])
      }
      const [type = ''] = types
      const [first] = SEED[type] ?? []
      const place = placeOf(nodes[0], first?.id ?? '')
      const version = await versionOf(nodes[0], place)
      expect(await write(nodes[0], place, null, version)).to.equal('applied')
      const left = await nodes[1].find(BUSINESS, defaultQuery(type))
      expect(left.records).to.deep.equal(SEED[type]?.slice(1))
      expect((await read(nodes[1], { ...place, businessId: 'b2' }))?.record).to.deep.equal(first)
    })
  })
}

describe('with LMDB', () => {
  const dirs: string[] = []
  const openStores = (): OpenStores => {
    let dir: string | undefined
    return async () => {
      dir ??= await mkdtemp(join(tmpdir(), 'repository-'))
      dirs.push(dir)
      const store = await openLmdbStore({ dir })
      return [store, store]
    }
  }
  onStores('LMDB', openStores, async () => {
    await Promise.all(dirs.splice(0).map((dir) => rm(dir, { recursive: true, force: true })))
  })
})

for (const { name, start } of REDIS_KINDS) {
  describe(`with ${name}`, () => {
    let server: RedisServers
    let connections: readonly [Redis, Redis]
    before(async () => {
      server = await start()
      const connect = () => connectRedis({ url: server.url, onError })
      connections = [connect(), connect()]
    })
    after(async () => {
      await Promise.all(connections.map((redis) => redis.close()))
      await server.stop()
    })
    const openStores = (): OpenStores => {
      const prefix = `test-${randomUUID()}`
      const openOne = (redis: Redis) => createRedisStore({ redis, prefix, onError })
      return async () => [openOne(connections[0]), openOne(connections[1])]
    }
    onStores(name, openStores, async () => {})
  })
}
