/** The embedded repository: JSON records of each business in the agent store. */
import { KeyedQueue } from '../keyed-queue.ts'
import { Search } from '../query/find.ts'
import type { Query } from '../query/query.ts'
import { pages } from '../store/pages.ts'
import type { AgentStore, Collection, Document, DocumentRef } from '../store/store.ts'
import type { JsonRecord, VersionedRecord } from './repository.ts'
import { SEED } from './seed.ts'
import { businessKey, type TransactionalRepository } from './transactional.ts'

const PAGE = 1_000
/** Of one type, that a business may have: a query looks at each of them. */
const MAX_RECORDS = 10_000
const TYPES = ['appointments', 'customers', 'services'] as const

const recordsOf = (repositoryType: string): Collection => ({
  scope: 'business',
  name: `records/${repositoryType}`,
})

const recordRef = (repositoryType: string, id: string): DocumentRef => ({
  ...recordsOf(repositoryType),
  id,
})

/** Says that a business has got its first records; once there, they are never put again. */
const SEEDED: DocumentRef = { scope: 'business', name: 'repository', id: 'seeded' }

const versioned = ({ value, version }: Document): VersionedRecord => ({
  record: value as JsonRecord,
  version,
})

/** With `seed`, every business begins with a few records to try things on. */
export function createEmbeddedRepository(
  store: AgentStore,
  options: { readonly seed: boolean },
): TransactionalRepository {
  /** Of two that seed at once, one commit is refused: the other has done it. */
  async function seed(businessId: string): Promise<void> {
    if (!options.seed) return
    const key = businessKey(businessId)
    if (await store.get(key, SEEDED)) return
    const records = Object.entries(SEED).flatMap(([type, of]) =>
      of.map((value) => ({ ref: recordRef(type, value.id), value })),
    )
    await store.commit(key, {
      expect: [{ ref: SEEDED, version: 0 }],
      put: [{ ref: SEEDED, value: true }, ...records],
    })
  }

  /** One of a business at a time: what it holds of the node, and what others wait for it, has its bound. */
  const searches = new KeyedQueue()

  async function search(
    businessId: string,
    query: Query,
    signal: AbortSignal | undefined,
  ): Promise<ReturnType<Search['page']>> {
    signal?.throwIfAborted()
    const found = new Search(query)
    const records = recordsOf(query.repository)
    for await (const page of pages(store, businessKey(businessId), records, { limit: PAGE })) {
      for (const each of page) found.add(versioned(each).record)
      signal?.throwIfAborted()
    }
    return found.page()
  }

  return {
    types: () => TYPES.map((name) => ({ name })),
    async find(businessId, query, signal) {
      await seed(businessId)
      return await searches.run(businessId, () => search(businessId, query, signal))
    },
    async get(businessId, repositoryType, recordId) {
      await seed(businessId)
      const found = await store.get(businessKey(businessId), recordRef(repositoryType, recordId))
      return found && versioned(found)
    },
    async hasRoom(businessId, repositoryType) {
      const key = businessKey(businessId)
      return (await store.count(key, recordsOf(repositoryType))) < MAX_RECORDS
    },
    stage({ repositoryType, recordId, after }, expectedVersion) {
      const ref = recordRef(repositoryType, recordId)
      return {
        expect: [{ ref, version: expectedVersion }],
        put: after === null ? [] : [{ ref, value: after }],
        remove: after === null ? [ref] : [],
      }
    },
  }
}
