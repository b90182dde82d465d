/** The embedded repository: JSON records of each business in the agent store. */
import { find } from '../query/find.ts'
import type { AgentStore, Document, DocumentRef } from '../store/store.ts'
import type { Record, VersionedRecord } from './repository.ts'
import { SEED } from './seed.ts'
import { businessKey, type TransactionalRepository } from './transactional.ts'

const PAGE = 1_000
const TYPES = ['appointments', 'customers', 'services'] as const

const recordRef = (repositoryType: string, id: string): DocumentRef => ({
  scope: 'business',
  name: `records/${repositoryType}`,
  id,
})

/** Says that a business has got its first records; once there, they are never put again. */
const SEEDED: DocumentRef = { scope: 'business', name: 'repository', id: 'seeded' }

const versioned = ({ value, version }: Document): VersionedRecord => ({
  record: value as Record,
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

  async function all(businessId: string, repositoryType: string): Promise<Record[]> {
    const { scope, name } = recordRef(repositoryType, '')
    const records: Record[] = []
    let after: string | undefined
    for (;;) {
      const range = after === undefined ? { limit: PAGE } : { limit: PAGE, after }
      const page = await store.list(businessKey(businessId), { scope, name }, range)
      records.push(...page.map((each) => versioned(each).record))
      after = page.at(-1)?.id
      if (page.length < PAGE) return records
    }
  }

  return {
    types: () => TYPES.map((name) => ({ name })),
    async find(businessId, query) {
      await seed(businessId)
      return find(await all(businessId, query.repository), query)
    },
    async get(businessId, repositoryType, recordId) {
      await seed(businessId)
      const found = await store.get(businessKey(businessId), recordRef(repositoryType, recordId))
      return found && versioned(found)
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
