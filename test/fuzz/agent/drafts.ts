/** Random drafts, mostly of one record. */
import fc from 'fast-check'
import { type Draft, REPOSITORY } from './state.ts'

export const repositoryType = fc.constantFrom(...Array<string>(9).fill(REPOSITORY), 'nowhere')

const recordId = fc.constantFrom('r0', 'r0', 'r1')
const data = fc.record(
  {
    name: fc.constantFrom('a', 'b', null),
    age: fc.nat({ max: 3 }),
    note: fc.constantFrom(null, '__proto__'),
  },
  { requiredKeys: [], noNullPrototype: true },
)
export const draft: fc.Arbitrary<Draft> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      repositoryType,
      operation: fc.constantFrom<'create' | 'update'>('create', 'update', 'update'),
      recordId,
      data,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ repositoryType, operation: fc.constant('delete' as const), recordId }),
  },
)
