import fc from 'fast-check'
import type { FilterValue, Query } from '../../../../channels/agent/query/query.ts'

/** What records have, most often. */
const NAMES = ['a', 'a', 'a', 'b', 'b', 'a.b', 'a.b', 'a.b.c', 'b.a', 'id', 'toString']
const HOSTILE_NAMES = [
  '__proto__',
  'constructor',
  'prototype',
  'a.__proto__',
  'constructor.prototype',
]
export const name = fc.constantFrom(...NAMES)
const hostileName = fc.constantFrom(...NAMES, ...HOSTILE_NAMES, '', 'a b', 'x'.repeat(65))
const MEMBERS = ['filters', 'fields', 'sort', 'limit', 'offset']

const scalar = fc.constantFrom('a', 'ab', 'B', 1, 2, true, null)
const scalars = fc.array(scalar, { maxLength: 5 })
const condition = fc.oneof(
  fc.tuple(fc.constantFrom('eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'contains'), scalar),
  fc.tuple(fc.constantFrom('in', 'nin'), scalars),
  fc.tuple(fc.constant('startsWith'), fc.constantFrom('', 'a', 'B')),
  fc.tuple(fc.constant('exists'), fc.boolean()),
  fc.tuple(fc.constant('between'), fc.tuple(scalar, scalar)),
)

/** A scalar, or one to two conditions. */
export const filter: fc.Arbitrary<FilterValue> = fc.oneof(
  scalar,
  fc.array(condition, { minLength: 1, maxLength: 2 }).map(Object.fromEntries),
)

export const query: fc.Arbitrary<Query> = fc.record({
  repository: fc.constant('customers'),
  filters: fc.dictionary(name, filter, { maxKeys: 2, noNullPrototype: true }),
  fields: fc.uniqueArray(name, { maxLength: 4 }),
  sort: fc.dictionary(name, fc.constantFrom<'asc' | 'desc'>('asc', 'desc'), {
    maxKeys: 3,
    noNullPrototype: true,
  }),
  limit: fc.integer({ min: 1, max: 12 }),
  offset: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 12 })),
})

const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    { weight: 3, arbitrary: scalar },
    { weight: 1, arbitrary: fc.array(scalar, { maxLength: 3 }) },
    { weight: 2, arbitrary: tie('object') },
  ),
  object: fc.record({ a: tie('value'), b: tie('value'), c: tie('value') }, { requiredKeys: [] }),
}))
export const records = fc.uniqueArray(
  fc.record(
    { id: fc.string({ minLength: 1, maxLength: 3 }), a: value, b: value, toString: scalar },
    { requiredKeys: ['id'] },
  ),
  { selector: ({ id }) => id, minLength: 3, maxLength: 12 },
)

const sort = fc.dictionary(name, fc.constantFrom('asc', 'desc'), { maxKeys: 3 })
const filters = fc.dictionary(name, filter, { maxKeys: 3 })
const names = fc.oneof(name, fc.array(name, { maxLength: 4 }))

/** Values that fit a member of the query, by member and operation. */
const FITTING: readonly (readonly [string, string, fc.Arbitrary<unknown>])[] = [
  ['filters', 'add', filters],
  ['filters', 'remove', names],
  ['filters', 'modify', filters],
  ['fields', 'add', names],
  ['fields', 'remove', names],
  ['fields', 'modify', fc.array(name, { maxLength: 4 })],
  ['sort', 'add', sort],
  ['sort', 'remove', fc.constant(null)],
  ['sort', 'modify', sort],
  ['limit', 'modify', fc.integer({ min: 1, max: 1_000 })],
  ['offset', 'add', fc.integer({ min: 0, max: 3 })],
]
const fitting = fc.oneof(
  ...FITTING.map(([field, operation, value]) => {
    return fc.record({ field: fc.constant(field), operation: fc.constant(operation), value })
  }),
  fc.record({ field: name, operation: fc.constant('filter'), value: filter }),
)

/** Values that fit nothing, or only by chance. Entries become an object whose every key is its own. */
const key = fc.oneof(hostileName, fc.string({ maxLength: 4 }))
const hostileValue = fc.oneof(
  fc.jsonValue(),
  hostileName,
  fc.array(hostileName, { maxLength: 3 }),
  fc
    .array(fc.tuple(key, fc.oneof(filter, fc.jsonValue(), fc.constant('asc'))), { maxLength: 3 })
    .map(Object.fromEntries),
)
const hostile = fc.oneof(
  fc.jsonValue(),
  fc.record(
    {
      field: fc.oneof(fc.constantFrom(...MEMBERS), key),
      operation: fc.oneof(fc.constantFrom('add', 'remove', 'modify', 'filter'), key),
      value: fc.oneof(...FITTING.map(([, , value]) => value), hostileValue),
      condition: fc.oneof(fc.constantFrom('eq', 'gt', 'in', 'between', 'exists'), key),
    },
    { requiredKeys: ['field', 'operation'] },
  ),
)

/** As it comes off the wire. */
function parsed(arbitrary: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return arbitrary.map((value) => deepFreeze(JSON.parse(JSON.stringify(value))))
}

const modification = fc.oneof({ weight: 9, arbitrary: fitting }, { weight: 1, arbitrary: hostile })

/** What clients send as a list, most of it well formed. */
export const list = parsed(
  fc.oneof(
    { weight: 9, arbitrary: fc.array(modification, { minLength: 1, maxLength: 5 }) },
    { weight: 1, arbitrary: fc.jsonValue() },
  ),
)

/** What clients send as an object, most of it well formed. */
export const object = parsed(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record(
        {
          filters,
          fields: fc.array(name, { maxLength: 4 }),
          sort,
          limit: fc.integer({ min: 1, max: 1_000 }),
          offset: fc.integer({ min: 0, max: 1_000_000 }),
        },
        { requiredKeys: [] },
      ),
    },
    { weight: 1, arbitrary: fc.dictionary(fc.constantFrom(...MEMBERS), hostileValue) },
    { weight: 1, arbitrary: hostileValue },
  ),
)

export const declared = fc.option(fc.constant(new Set(['a', 'b.a'])), { nil: undefined })

/** Whoever writes to the value or to anything in it throws from now on. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const member of Object.values(value)) deepFreeze(member)
  }
  return value
}
