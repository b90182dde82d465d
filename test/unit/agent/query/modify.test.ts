import { expect } from 'chai'
import { describe, it } from 'mocha'
import { QUERY_LIMITS } from '../../../../channels/agent/query/limits.ts'
import {
  applyModificationObject,
  applyModifications,
} from '../../../../channels/agent/query/modify.ts'
import { PROBLEMS } from '../../../../channels/agent/query/problem.ts'
import type { Query } from '../../../../channels/agent/query/query.ts'
import { EMPTY, FULL, many, names, type Refusal, refuses, show } from './support.ts'

describe('Modifying a query', () => {
  const cells: readonly [string, Query, object, Partial<Query>][] = [
    // add
    ['add', EMPTY, { field: 'filters', value: { status: 'x' } }, { filters: { status: 'x' } }],
    ['add', FULL, { field: 'filters', value: {} }, {}],
    [
      'add',
      FULL,
      { field: 'filters', value: { age: { lt: 5 }, city: null } },
      { filters: { status: 'open', age: { lt: 5 }, city: null } },
    ],
    ['add', FULL, { field: 'fields', value: 'city' }, { fields: ['name', 'age', 'city'] }],
    ['add', FULL, { field: 'fields', value: ['b', 'age', 'b'] }, { fields: ['name', 'age', 'b'] }],
    ['add', FULL, { field: 'fields', value: [] }, {}],
    ['add', EMPTY, { field: 'sort', value: { a: 'desc' } }, { sort: { a: 'desc' } }],
    [
      'add',
      FULL,
      { field: 'sort', value: { name: 'desc', city: 'asc' } },
      { sort: { name: 'desc', age: 'desc', city: 'asc' } },
    ],
    ['add', FULL, { field: 'limit', value: 1 }, { limit: 1 }],
    ['add', FULL, { field: 'offset', value: 0 }, { offset: 0 }],
    // remove
    ['remove', FULL, { field: 'filters', value: 'age' }, { filters: { status: 'open' } }],
    ['remove', FULL, { field: 'filters', value: ['age', 'status'] }, { filters: {} }],
    ['remove', FULL, { field: 'filters', value: ['other'] }, {}],
    ['remove', FULL, { field: 'fields', value: 'name' }, { fields: ['age'] }],
    ['remove', FULL, { field: 'fields', value: ['age', 'other', 'name'] }, { fields: [] }],
    ['remove', FULL, { field: 'sort' }, { sort: {} }],
    ['remove', FULL, { field: 'limit' }, { limit: 100 }],
    ['remove', FULL, { field: 'offset' }, { offset: 0 }],
    // modify
    [
      'modify',
      FULL,
      { field: 'filters', value: { age: 4, city: 'Iasi' } },
      { filters: { status: 'open', age: 4, city: 'Iasi' } },
    ],
    ['modify', FULL, { field: 'fields', value: ['b', 'a', 'b'] }, { fields: ['b', 'a'] }],
    ['modify', FULL, { field: 'fields', value: [] }, { fields: [] }],
    ['modify', FULL, { field: 'sort', value: { b: 'asc' } }, { sort: { b: 'asc' } }],
    ['modify', FULL, { field: 'sort', value: {} }, { sort: {} }],
    ['modify', FULL, { field: 'limit', value: 1_000 }, { limit: 1_000 }],
    ['modify', FULL, { field: 'offset', value: 1_000_000 }, { offset: 1_000_000 }],
    // filter
    ['filter', EMPTY, { field: 'status', value: 'x' }, { filters: { status: 'x' } }],
    ['filter', EMPTY, { field: 'limit', value: 5 }, { filters: { limit: 5 } }],
    ['filter', EMPTY, { field: 'a', value: null }, { filters: { a: null } }],
    ['filter', EMPTY, { field: 'a.b', value: { gt: 1 } }, { filters: { 'a.b': { gt: 1 } } }],
    [
      'filter',
      FULL,
      { field: 'age', condition: 'lt', value: 9 },
      { filters: { status: 'open', age: { lt: 9 } } },
    ],
  ]
  for (const [operation, before, modification, change] of cells) {
    it(`${operation} ${JSON.stringify(modification)} gives ${JSON.stringify(change)}`, () => {
      const list = [{ ...modification, operation }]
      const after = { ...before, ...change }
      expect(applyModifications(before, list)).to.deep.equal({ query: after, list })
      expect(JSON.stringify(applyModifications(before, list))).to.equal(
        JSON.stringify({ query: after, list }),
      )
    })
  }

  const operands: readonly [string, unknown][] = [
    ...['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'contains'].flatMap((name): [string, unknown][] => {
      return ['a', '', 1.5, true, null].map((value) => [name, value])
    }),
    ['in', []],
    ['in', ['a', 1, null, false]],
    ['nin', ['a']],
    ['startsWith', 'a'],
    ['exists', false],
    ['between', [1, 2]],
    ['between', ['a', 'b']],
  ]
  for (const [condition, value] of operands) {
    it(`takes ${condition} ${JSON.stringify(value)}, alone and in an object`, () => {
      const expected = { ...EMPTY, filters: { a: { [condition]: value } } }
      const alone = { field: 'a', operation: 'filter', condition, value }
      const inside = { field: 'a', operation: 'filter', value: { [condition]: value } }
      for (const modification of [alone, inside]) {
        const result = applyModifications(EMPTY, [modification])
        expect(result).to.have.property('query').that.deep.equals(expected)
      }
    })
  }

  it('applies a list in its order', () => {
    const list = [
      { field: 'filters', operation: 'add', value: { a: 1, b: 2 } },
      { field: 'filters', operation: 'remove', value: 'a' },
      { field: 'b', operation: 'filter', condition: 'gt', value: 3 },
      { field: 'limit', operation: 'modify', value: 9 },
      { field: 'limit', operation: 'remove' },
    ]
    const expected = { ...EMPTY, filters: { b: { gt: 3 } } }
    expect(applyModifications(EMPTY, list)).to.deep.equal({ query: expected, list })
  })
})

describe('What is recorded of modifications', () => {
  it('is what was sent, with a value that makes no difference, too', () => {
    const remove = (field: string) => ({ field, operation: 'remove', value: 'whatever' })
    const list = ['sort', 'limit', 'offset'].map(remove)
    expect(applyModifications(FULL, list)).to.have.property('list').that.deep.equals(list)
  })

  it('is bounded, whatever comes of it', () => {
    const large = { field: 'filters', operation: 'remove', value: names(1_000) }
    refuses(Array(100).fill(large), '', 'tooLargeItself')
    const added = names(27).map((field) => {
      return { field, operation: 'filter', value: 'x'.repeat(10_000) }
    })
    const back = { field: 'filters', operation: 'remove', value: names(27) }
    refuses([...added, back], '', 'tooLargeItself')
  })
})

describe('The greatest query', () => {
  it('may be as large as the limits', () => {
    const list = [
      { field: 'filters', operation: 'add', value: many(QUERY_LIMITS.filters, 1) },
      { field: 'fields', operation: 'add', value: names(QUERY_LIMITS.fields) },
      { field: 'sort', operation: 'add', value: many(QUERY_LIMITS.sort, 'asc') },
      { field: 'f0', operation: 'filter', condition: 'in', value: Array(1_000).fill(1) },
      { field: 'f1', operation: 'filter', value: 'x'.repeat(QUERY_LIMITS.textChars) },
      ...Array(QUERY_LIMITS.modifications - 5).fill({ field: 'limit', operation: 'remove' }),
    ]
    expect(applyModifications(EMPTY, list)).to.have.property('query')
  })

  it('is reached by several modifications, too', () => {
    const list = [
      { field: 'filters', operation: 'add', value: many(QUERY_LIMITS.filters, 1) },
      { field: 'one.more', operation: 'filter', value: 1 },
    ]
    refuses(list, '/1', 'tooManyFilters')
    const fields = [
      { field: 'fields', operation: 'add', value: names(QUERY_LIMITS.fields) },
      { field: 'fields', operation: 'add', value: 'another' },
    ]
    refuses(fields, '/1', 'tooManyFields')
  })

  it('is bounded as a whole', () => {
    const large = (count: number) =>
      names(count).map((field) => ({ field, operation: 'filter', value: 'x'.repeat(10_000) }))
    expect(applyModifications(EMPTY, large(26))).to.have.property('query')
    refuses(large(27), '', 'tooLarge')
    // In UTF-8.
    const text = large(13).map((each) => ({ ...each, value: 'é'.repeat(10_000) }))
    expect(applyModifications(EMPTY, text)).to.have.property('query')
    refuses([...text, ...large(15).slice(13)], '', 'tooLarge')
  })
})

describe('Modifications as an object', () => {
  it('are one modify for each key, in their order', () => {
    const object = { sort: { a: 'asc' }, filters: { city: 'Iasi' }, fields: ['a'], limit: 5 }
    const list = [
      { field: 'sort', operation: 'modify', value: { a: 'asc' } },
      { field: 'filters', operation: 'modify', value: { city: 'Iasi' } },
      { field: 'fields', operation: 'modify', value: ['a'] },
      { field: 'limit', operation: 'modify', value: 5 },
    ]
    const query = {
      ...FULL,
      sort: { a: 'asc' },
      filters: { ...FULL.filters, city: 'Iasi' },
      fields: ['a'],
      limit: 5,
    }
    expect(applyModificationObject(FULL, object)).to.deep.equal({ query, list })
  })

  const cases: readonly Refusal[] = [
    ...[undefined, null, 'x', 5, [], [{ limit: 5 }], {}].map((bad) => {
      return [bad, '', 'modificationObject'] as const
    }),
    [{ limit: 5, more: 1 }, '/more', 'queryField'],
    [{ repository: 'services' }, '/repository', 'queryField'],
    [{ constructor: 1 }, '/constructor', 'queryField'],
    [JSON.parse('{"__proto__":{"limit":5}}'), '/__proto__', 'queryField'],
    [{ ['x'.repeat(65)]: 1 }, '', 'queryField'],
    [{ limit: '5' }, '/limit', 'limit'],
    [{ offset: null }, '/offset', 'offset'],
    [{ limit: 5, sort: { a: 'up' } }, '/sort/a', 'direction'],
    [{ fields: ['a', ''] }, '/fields/1', 'fieldName'],
    [{ fields: 'a' }, '/fields', 'names'],
    [{ filters: [] }, '/filters', 'filters'],
    [{ filters: { value: {} } }, '/filters/value', 'filterValue'],
    [{ filters: { a: { in: [1, []] } } }, '/filters/a/in/1', 'scalar'],
    [{ filters: many(101, 1) }, '/filters', 'tooManyFilters'],
  ]
  for (const [object, path, sentence] of cases) {
    it(`are refused when they are ${show(object)}`, () => {
      expect(applyModificationObject(FULL, object)).to.deep.equal({
        problems: [{ path, problem: PROBLEMS[sentence] }],
      })
    })
  }

  it('are held to the declared fields', () => {
    expect(applyModificationObject(FULL, { sort: { b: 'asc' } }, new Set(['a']))).to.deep.equal({
      problems: [{ path: '/sort/b', problem: PROBLEMS.undeclared }],
    })
  })
})
