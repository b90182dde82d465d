import { describe, it } from 'mocha'
import { many, names, type Refusal, refuses, show } from './support.ts'

/** JSON has infinity. */
const INFINITE: number = JSON.parse('1e999')

describe('A modification is refused', () => {
  /** A modification, where its problem is, and which one. */
  const cases: readonly Refusal[] = [
    // Its own shape.
    ...[null, 'x', 5, true, []].map((bad) => [bad, '', 'modification'] as const),
    [{ field: 'limit', operation: 'remove', more: 1 }, '/more', 'unknownKey'],
    [{ field: 'limit', operation: 'remove', 'a/~': 1 }, '/a~1~0', 'unknownKey'],
    [{ field: 'limit', operation: 'remove', ['x'.repeat(65)]: 1 }, '', 'unknownKey'],
    [JSON.parse('{"field":"a","operation":"filter","__proto__":1}'), '/__proto__', 'unknownKey'],
    [{}, '/operation', 'operation'],
    [{ field: 'limit', value: 5 }, '/operation', 'operation'],
    ...['Add', '', 'constructor', '__proto__', 'get', null, 1, ['add'], {}].map((operation) => {
      return [{ field: 'limit', operation, value: 5 }, '/operation', 'operation'] as const
    }),
    ...['status', '', 'repository', 'constructor', '__proto__', null, 1, ['limit']].map((field) => {
      return [{ field, operation: 'add', value: 5 }, '/field', 'queryField'] as const
    }),
    [{ operation: 'modify', value: 5 }, '/field', 'queryField'],
    [
      { field: 'limit', operation: 'modify', value: 5, condition: 'eq' },
      '/condition',
      'strayCondition',
    ],
    [{ field: 'sort', operation: 'remove', condition: null }, '/condition', 'strayCondition'],
    // limit and offset.
    ...[0, 1_001, -1, 1.5, '5', null, true, [5], {}, INFINITE, undefined].map((value) => {
      return [{ field: 'limit', operation: 'modify', value }, '/value', 'limit'] as const
    }),
    ...[-1, 1_000_001, 0.5, '0', null, false, undefined].map((value) => {
      return [{ field: 'offset', operation: 'add', value }, '/value', 'offset'] as const
    }),
    // fields.
    ...[5, null, {}, { a: 1 }, undefined, Array(1_001).fill('a')].map((value) => {
      return [{ field: 'fields', operation: 'add', value }, '/value', 'names'] as const
    }),
    [{ field: 'fields', operation: 'add', value: '1a' }, '/value', 'fieldName'],
    [{ field: 'fields', operation: 'add', value: ['a', '1a'] }, '/value/1', 'fieldName'],
    [{ field: 'fields', operation: 'add', value: [['a']] }, '/value/0', 'fieldName'],
    [{ field: 'fields', operation: 'modify', value: 'a' }, '/value', 'names'],
    [{ field: 'fields', operation: 'modify', value: ['a', null] }, '/value/1', 'fieldName'],
    [{ field: 'fields', operation: 'modify', value: names(101) }, '', 'tooManyFields'],
    [{ field: 'fields', operation: 'remove' }, '/value', 'names'],
    [{ field: 'fields', operation: 'remove', value: { a: 1 } }, '/value', 'names'],
    [{ field: 'fields', operation: 'remove', value: ['a', 'b.'] }, '/value/1', 'fieldName'],
    // sort.
    ...['name', null, ['name'], 1, undefined].map((value) => {
      return [{ field: 'sort', operation: 'add', value }, '/value', 'sort'] as const
    }),
    ...['ASC', '', 1, null, true, ['asc'], {}].map((direction) => {
      const value = { a: 'asc', b: direction }
      return [{ field: 'sort', operation: 'modify', value }, '/value/b', 'direction'] as const
    }),
    [{ field: 'sort', operation: 'add', value: { '1a': 'asc' } }, '/value/1a', 'fieldName'],
    [{ field: 'sort', operation: 'modify', value: many(17, 'asc') }, '', 'tooManySortKeys'],
    // filters.
    ...['status', null, ['status'], 1, undefined].map((value) => {
      return [{ field: 'filters', operation: 'add', value }, '/value', 'filters'] as const
    }),
    [{ field: 'filters', operation: 'modify', value: { 'a b': 1 } }, '/value/a b', 'fieldName'],
    [{ field: 'filters', operation: 'modify', value: { 'a/~': 1 } }, '/value/a~1~0', 'fieldName'],
    [{ field: 'filters', operation: 'add', value: { ['x'.repeat(65)]: 1 } }, '/value', 'fieldName'],
    [{ field: 'filters', operation: 'add', value: { a: [] } }, '/value/a', 'filterValue'],
    [{ field: 'filters', operation: 'add', value: { a: {} } }, '/value/a', 'filterValue'],
    [{ field: 'filters', operation: 'add', value: { a: INFINITE } }, '/value/a', 'scalar'],
    [
      { field: 'filters', operation: 'add', value: { a: { gt: 1, like: 1 } } },
      '/value/a/like',
      'condition',
    ],
    [{ field: 'filters', operation: 'modify', value: many(101, 1) }, '', 'tooManyFilters'],
    [{ field: 'filters', operation: 'remove' }, '/value', 'names'],
    [{ field: 'filters', operation: 'remove', value: null }, '/value', 'names'],
    [{ field: 'filters', operation: 'remove', value: '__proto__' }, '/value', 'fieldName'],
    // filter.
    [{ operation: 'filter', value: 1 }, '/field', 'fieldName'],
    [{ field: 'a', operation: 'filter' }, '/value', 'scalar'],
    [{ field: 'a', operation: 'filter', value: ['x'] }, '/value', 'filterValue'],
    [{ field: 'a', operation: 'filter', value: {} }, '/value', 'filterValue'],
    [{ field: 'a', operation: 'filter', value: 'x'.repeat(10_001) }, '/value', 'longText'],
    [{ field: 'a', operation: 'filter', value: { toString: 1 } }, '/value/toString', 'condition'],
    [
      { field: 'a', operation: 'filter', value: JSON.parse('{"__proto__":1}') },
      '/value/__proto__',
      'condition',
    ],
    ...['like', '', 'EQ', 'toString', '__proto__', null, 1, ['eq'], {}].map((condition) => {
      const modification = { field: 'a', operation: 'filter', condition, value: 1 }
      return [modification, '/condition', 'condition'] as const
    }),
  ]
  for (const [modification, path, sentence] of cases) {
    it(`for ${show(modification)}`, () => refuses([modification], `/0${path}`, sentence))
  }

  const scalarConditions = ['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'contains']
  /** A condition, a bad operand, where its problem is, and which one. */
  const operands: readonly (readonly [condition: string, ...Refusal])[] = [
    ...scalarConditions.flatMap((name) => {
      return [[], ['a'], {}, -INFINITE, undefined].map((bad) => [name, bad, '', 'scalar'] as const)
    }),
    ...[...scalarConditions, 'startsWith'].map((name) => {
      return [name, 'x'.repeat(10_001), '', 'longText'] as const
    }),
    ...['in', 'nin'].flatMap((name) => [
      ...['a', null, 1, {}, Array(1_001).fill(1)].map((bad) => {
        return [name, bad, '', 'scalars'] as const
      }),
      [name, ['a', ['b']], '/1', 'scalar'] as const,
      [name, [1, 2, INFINITE], '/2', 'scalar'] as const,
      [name, ['x'.repeat(10_001)], '/0', 'longText'] as const,
    ]),
    ...[1, null, true, ['a'], {}].map((bad) => ['startsWith', bad, '', 'text'] as const),
    ...['true', 1, null, [], {}].map((bad) => ['exists', bad, '', 'boolean'] as const),
    ...[1, 'ab', null, {}, [], [1], [1, 2, 3]].map(
      (bad) => ['between', bad, '', 'between'] as const,
    ),
    ['between', [1, {}], '/1', 'scalar'],
    ['between', ['x'.repeat(10_001), 'y'], '/0', 'longText'],
  ]
  for (const [condition, value, path, sentence] of operands) {
    it(`for the condition ${condition} of ${show(value)}`, () => {
      const alone = { field: 'a', operation: 'filter', condition, value }
      const inside = { field: 'a', operation: 'filter', value: { [condition]: value } }
      refuses([alone], `/0/value${path}`, sentence)
      refuses([inside], `/0/value/${condition}${path}`, sentence)
    })
  }

  for (const bad of [undefined, null, {}, 'x', 5, [], Array(101).fill(null)]) {
    it(`in a list that is ${show(bad)}`, () => refuses(bad, '', 'modifications'))
  }

  it('with the whole list it stands in', () => {
    const good = { field: 'limit', operation: 'modify', value: 5 }
    const bad = { field: 'offset', operation: 'modify', value: 'x' }
    refuses([good, good, bad, good], '/2/value', 'offset')
  })
})
