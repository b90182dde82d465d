import { expect } from 'chai'
import { describe, it } from 'mocha'
import { defaultQuery, type Query } from '../../channels/agent/query/query.ts'
import type { Repository } from '../../channels/agent/repository/repository.ts'
import { BUSINESS, placeOf, put, type Suite, typeOf, write } from './repository-setup.ts'

/** More than the embedded repository reads at once. */
const MANY = 1_100

/** Forty of them are more than one page of a store. */
const LARGE = 'x'.repeat(60_000)

const FIELDS: Readonly<Record<string, object>> = {
  r1: { number: 3, total: 10, customer: { name: 'Ana' } },
  r2: { number: 1, total: 20, customer: { name: 'Éva' } },
  r3: { number: 2, total: 20, customer: { name: 'Bo' } },
  r4: { number: '1', total: null },
  r5: {},
}

function search(repository: Repository, part: Partial<Query> = {}, businessId = BUSINESS) {
  return repository.find(businessId, { ...defaultQuery(typeOf(repository)), ...part })
}

async function idsOf(repository: Repository, part: Partial<Query>): Promise<unknown[]> {
  const { records } = await search(repository, part)
  return records.map((record) => (record as { readonly id?: unknown }).id)
}

async function filled(repository: Repository): Promise<Repository> {
  for (const [id, fields] of Object.entries(FIELDS)) {
    await put(repository, placeOf(repository, id), fields)
  }
  return repository
}

/** What a query finds (contract 7). */
export const findSuite: Suite = (setup) => {
  describe('find', () => {
    it('finds nothing where there is nothing', async () => {
      expect(await search(setup().repository)).to.deep.equal({ records: [], total: 0 })
    })

    it('finds every record, by id, as it was written', async () => {
      const repository = await filled(setup().repository)
      const records = Object.entries(FIELDS).map(([id, fields]) => ({ ...fields, id }))
      expect(await search(repository)).to.deep.equal({ records, total: 5 })
    })

    it('finds what passes all filters', async () => {
      const repository = await filled(setup().repository)
      const cases: readonly (readonly [Query['filters'], readonly string[]])[] = [
        [{ total: 20 }, ['r2', 'r3']],
        [{ total: 20, number: { lt: 2 } }, ['r2']],
        [{ number: 1 }, ['r2']],
        [{ 'customer.name': { startsWith: 'É' } }, ['r2']],
        [{ total: { exists: true }, customer: { exists: false } }, ['r4']],
        [{ id: { in: ['r5', 'r1', 'r9'] } }, ['r1', 'r5']],
        [{ id: 'r9' }, []],
      ]
      for (const [filters, ids] of cases) {
        expect(await idsOf(repository, { filters }), JSON.stringify(filters)).to.deep.equal(ids)
      }
    })

    it('sorts, and by id where that leaves a choice', async () => {
      const repository = await filled(setup().repository)
      const cases: readonly (readonly [Query['sort'], readonly string[]])[] = [
        [{ total: 'desc' }, ['r2', 'r3', 'r1', 'r4', 'r5']],
        [{ total: 'desc', number: 'desc' }, ['r3', 'r2', 'r1', 'r4', 'r5']],
        [{ 'customer.name': 'asc' }, ['r4', 'r5', 'r1', 'r3', 'r2']],
        [{ id: 'desc' }, ['r5', 'r4', 'r3', 'r2', 'r1']],
      ]
      for (const [sort, ids] of cases) {
        expect(await idsOf(repository, { sort }), JSON.stringify(sort)).to.deep.equal(ids)
      }
    })

    it('shows a page, and counts what all pages have', async () => {
      const repository = await filled(setup().repository)
      const page = (offset: number, limit: number) =>
        search(repository, {
          offset,
          limit,
          filters: { number: { exists: true } },
          fields: ['number'],
        })
      expect(await page(0, 2)).to.deep.equal({
        records: [
          { id: 'r1', number: 3 },
          { id: 'r2', number: 1 },
        ],
        total: 4,
      })
      expect(await page(3, 2)).to.deep.equal({ records: [{ id: 'r4', number: '1' }], total: 4 })
      expect(await page(1_000_000, 2)).to.deep.equal({ records: [], total: 4 })
    })

    it('looks at all records, however many there are', async () => {
      const { repository } = setup()
      const ids = Array.from({ length: MANY }, (_, at) => `r${at}`)
      const writes = ids.map((id, number) =>
        write(repository, placeOf(repository, id), { id, number }, 0),
      )
      expect(new Set(await Promise.all(writes))).to.deep.equal(new Set(['applied']))
      const last = { sort: { number: 'desc' }, limit: 2, fields: ['number'] } as const
      expect(await search(repository, last)).to.deep.equal({
        records: [MANY - 1, MANY - 2].map((number) => ({ id: `r${number}`, number })),
        total: MANY,
      })
    })

    it('looks at all records, however large they are', async () => {
      const { repository } = setup()
      const ids = Array.from({ length: 40 }, (_, at) => `r${at + 10}`)
      for (const id of ids) await put(repository, placeOf(repository, id), { number: LARGE + id })
      const newest = { sort: { number: 'desc' }, limit: 3 } as const
      expect(await search(repository, newest)).to.deep.equal({
        records: ['r49', 'r48', 'r47'].map((id) => ({ id, number: LARGE + id })),
        total: 40,
      })
      expect(await idsOf(repository, { fields: ['id'], offset: 7, limit: 30 })).to.deep.equal(
        ids.slice(7, 37),
      )
    })

    it('sees neither another business nor another type, whatever they are called', async () => {
      const { repository } = setup()
      const businesses = ['b1', 'b1/', 'b1%2F', 'B1', '__proto__', 'b{1}', 'b1:x', 'é']
      const types = repository.types().map(({ name }) => name)
      for (const businessId of businesses) {
        for (const repositoryType of types) {
          const place = placeOf(repository, 'same', { businessId, repositoryType })
          await put(repository, place, { number: `${businessId} ${repositoryType}` })
        }
      }
      for (const businessId of [...businesses, 'b1/records']) {
        for (const type of types) {
          const found = await search(repository, { repository: type }, businessId)
          const record = { number: `${businessId} ${type}`, id: 'same' }
          const records = businesses.includes(businessId) ? [record] : []
          expect(found).to.deep.equal({ records, total: records.length })
        }
      }
    })
  })
}
