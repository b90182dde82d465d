import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import type {
  JsonRecord,
  Repository,
  VersionedRecord,
} from '../../channels/agent/repository/repository.ts'
import { query, records } from '../unit/agent/query/arbitraries.ts'
import { naiveFind } from '../unit/agent/query/naive.ts'
import {
  type Place,
  placeOf,
  type RepositorySetup,
  read,
  type Suite,
  write,
} from './repository-setup.ts'

const IDS = ['a', 'a/b', '__proto__', '😀']

const steps = fc.array(
  fc.record({
    node: fc.constantFrom('repository', 'other'),
    business: fc.nat({ max: 1 }),
    type: fc.nat({ max: 2 }),
    recordId: fc.constantFrom(...IDS),
    /** What the change was based on: what is so, that there is none, or what once was so. */
    basis: fc.constantFrom('now', 'now', 'now', 'none', 'once'),
    after: fc.option(
      records.map(([record = { id: '' }]) => record),
      { nil: null, freq: 3 },
    ),
  }),
  { minLength: 1, maxLength: 12 },
)
type Step = typeof steps extends fc.Arbitrary<readonly (infer T)[]> ? T : never

/** A repository as plain as can be: what each record is, and every version that it ever had. */
class Model {
  readonly records = new Map<string, Place & VersionedRecord>()
  readonly versions = new Map<string, number[]>()

  basis(key: string, basis: Step['basis']): number {
    if (basis === 'none') return 0
    if (basis === 'once') return this.versions.get(key)?.[0] ?? 1
    return this.records.get(key)?.version ?? 0
  }

  learn(key: string, place: Place, record: JsonRecord, version: number): void {
    const versions = this.versions.get(key) ?? []
    expect(versions).to.not.include(version)
    expect(version).to.be.at.least(1)
    this.versions.set(key, [...versions, version])
    this.records.set(key, { ...place, record, version })
  }

  of(businessId: string, type: string): JsonRecord[] {
    return [...this.records.values()]
      .filter((kept) => kept.businessId === businessId && kept.repositoryType === type)
      .map(({ record }) => record)
  }
}

/** Random changes through two nodes, beside a model that does the same in memory. */
export const modelSuite: Suite = (setup) => {
  describe('any sequence of changes', () => {
    it('leaves what a plain model of the contract says, for any query', async () => {
      let run = 0
      await fc.assert(
        fc.asyncProperty(steps, query, async (sequence, asked) => {
          run += 1
          const model = new Model()
          for (const step of sequence) await take(setup(), model, `run ${run}`, step)
          const { repository, other } = setup()
          for (const business of [0, 1]) {
            for (const { name } of repository.types()) {
              const businessId = `run ${run} ${business}`
              const expected = naiveFind(model.of(businessId, name), asked)
              const found = await other.find(businessId, { ...asked, repository: name })
              expect(found).to.deep.equal(expected)
            }
          }
        }),
        { numRuns: 60 },
      )
    })
  })
}

async function take(
  nodes: RepositorySetup,
  model: Model,
  run: string,
  { node, business, type, recordId, basis, after }: Step,
): Promise<void> {
  const repository: Repository = nodes[node]
  const types = repository.types().map(({ name }) => name)
  const repositoryType = types[type % types.length] ?? ''
  const place = placeOf(repository, recordId, { businessId: `${run} ${business}`, repositoryType })
  const key = JSON.stringify(place)
  const base = model.basis(key, basis)
  const isCurrent = base === (model.records.get(key)?.version ?? 0)
  const record = after && { ...after, id: recordId }

  const outcome = await write(repository, place, record, base)
  expect(outcome).to.equal(isCurrent ? 'applied' : 'conflict')
  const found = await read(repository, place)
  if (isCurrent && record) model.learn(key, place, record, found?.version ?? 0)
  if (isCurrent && !record) model.records.delete(key)
  const kept = model.records.get(key)
  expect(found).to.deep.equal(kept && { record: kept.record, version: kept.version })
}
