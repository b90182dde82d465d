import { expect } from 'chai'
import { describe, it } from 'mocha'
import { compileFilters } from '../../../../channels/agent/query/filter.ts'
import type { FilterValue, Query } from '../../../../channels/agent/query/query.ts'

const matches = (record: object, filters: Query['filters']): boolean =>
  compileFilters(filters)(record)

const MISSING = Symbol('missing')

/** A filter, the values of the field that pass it, and those that do not. */
const TABLE: readonly (readonly [FilterValue, readonly unknown[], readonly unknown[]])[] = [
  // A scalar is an equal one; nothing is converted.
  ['a', ['a'], ['A', 'ab', '', ['a'], { a: 'a' }, null, MISSING]],
  [1, [1], [2, '1', true, [1], null, MISSING]],
  [0, [0, -0], ['', '0', false, null, MISSING]],
  [true, [true], [false, 1, 'true', null, MISSING]],
  [null, [null], [0, '', false, [], {}, MISSING]],
  [{ eq: 'a' }, ['a'], ['b', ['a'], MISSING]],
  [{ eq: null }, [null], ['null', MISSING]],
  // What is not equal is everything else, also of another type.
  [{ ne: 'a' }, ['b', 'A', 1, null, ['a'], MISSING], ['a']],
  [{ ne: 1 }, ['1', 2, true, MISSING], [1]],
  [{ ne: null }, [0, '', MISSING], [null]],
  // Numbers with numbers, text with text.
  [{ gt: 1 }, [1.5, 2, 1e300], [1, 0, -1, '2', true, null, [2], MISSING]],
  [{ gte: 1 }, [1, 2], [0.9, '1', true, null, MISSING]],
  [{ lt: 1 }, [0, -5], [1, 2, '0', false, null, MISSING]],
  [{ lte: 1 }, [1, 0], [1.1, '1', true, null, MISSING]],
  [{ gt: 'b' }, ['c', 'ba', 'é'], ['b', 'a', 'B', 99, null, ['c'], MISSING]],
  [{ gte: 'b' }, ['b', 'c'], ['a', 'B', 99, MISSING]],
  [{ lt: 'b' }, ['a', 'B', ''], ['b', 'c', 0, null, MISSING]],
  [{ lte: 'b' }, ['b', 'a'], ['ba', 0, null, MISSING]],
  [{ gte: '2024-01-01' }, ['2024-01-01', '2024-11-23'], ['2023-12-31', MISSING]],
  [{ gt: null }, [], [null, 0, 1, 'a', true, MISSING]],
  [{ gte: null }, [], [null, 0, MISSING]],
  [{ lte: true }, [], [true, false, 0, MISSING]],
  // Both ends of between are included.
  [{ between: [1, 3] }, [1, 2, 3], [0.9, 3.1, '2', null, [2], MISSING]],
  [{ between: ['b', 'd'] }, ['b', 'c', 'd'], ['a', 'da', 2, MISSING]],
  [{ between: [3, 1] }, [], [1, 2, 3, MISSING]],
  [{ between: [1, 'z'] }, [], [1, 2, 'a', MISSING]],
  [{ between: [null, 5] }, [], [null, 1, MISSING]],
  // Lists of values.
  [{ in: ['a', 1, null, true] }, ['a', 1, null, true], ['b', '1', 0, false, ['a'], {}, MISSING]],
  [{ in: [] }, [], ['a', null, MISSING]],
  [{ nin: ['a', 1, null] }, ['b', '1', true, ['a'], {}, MISSING], ['a', 1, null]],
  [{ nin: [] }, ['a', null, MISSING], []],
  // A part of a text, or a member of a list.
  [{ contains: 'ell' }, ['hello', 'ell', ['ell', 1]], ['Ellen', 'el', ['hello'], 5, null, MISSING]],
  [{ contains: '' }, ['', 'a', ['']], [[], 0, null, MISSING]],
  [{ contains: 1 }, [[1], ['a', 1]], ['1', 1, ['1'], [[1]], MISSING]],
  [{ contains: null }, [[null]], ['null', null, [], MISSING]],
  [{ contains: 'length' }, [], [[], {}, MISSING]],
  [{ startsWith: 'ab' }, ['ab', 'abc'], ['Abc', 'cab', ['ab'], 5, null, MISSING]],
  [{ startsWith: '' }, ['', 'a'], [0, [], null, MISSING]],
  // A null is there.
  [{ exists: true }, ['a', '', 0, false, null, [], {}], [MISSING]],
  [{ exists: false }, [MISSING], ['a', '', 0, false, null, [], {}]],
  // All conditions must hold.
  [{ gt: 1, lt: 3 }, [2, 1.5], [1, 3, '2', MISSING]],
  [{ contains: 'a', startsWith: 'b', ne: 'bar' }, ['baz', 'ba'], ['bar', 'abc', 'bob', MISSING]],
  [{ exists: true, nin: ['a'] }, ['b', null], ['a', MISSING]],
]

describe('A filter', () => {
  for (const [filter, passing, failing] of TABLE) {
    it(`${JSON.stringify(filter)} passes exactly the values it should`, () => {
      for (const value of passing) check(filter, value, true)
      for (const value of failing) check(filter, value, false)
    })
  }

  it('passes every record when there is none', () => {
    expect(matches({ id: '1' }, {})).to.equal(true)
  })

  it('passes a record that passes all of several filters', () => {
    const filters = { status: 'open', age: { gte: 18 } }
    expect(matches({ status: 'open', age: 20 }, filters)).to.equal(true)
    expect(matches({ status: 'open', age: 17 }, filters)).to.equal(false)
    expect(matches({ status: 'done', age: 20 }, filters)).to.equal(false)
  })

  it('takes a condition that it does not know for one that never holds', () => {
    const filters = { a: JSON.parse('{"like":"x"}') }
    expect(matches({ a: 'x' }, filters)).to.equal(false)
    expect(matches({}, filters)).to.equal(false)
  })
})

describe('A dotted name in a filter', () => {
  const record = { a: { b: { c: 1 } }, list: [{ b: 1 }, 'x'], text: 'abc', 'x.y': 1, none: null }

  it('leads into nested objects', () => {
    expect(matches(record, { 'a.b.c': 1 })).to.equal(true)
    expect(matches(record, { 'a.b': { exists: true } })).to.equal(true)
  })

  for (const name of ['a.c', 'a.b.c.d', 'none.a', 'list.b', 'list.length', 'text.length', 'x.y']) {
    it(`leads nowhere as ${name}`, () => {
      expect(matches(record, { [name]: { exists: false } })).to.equal(true)
      expect(matches(record, { [name]: { exists: true } })).to.equal(false)
    })
  }

  for (const name of ['toString', 'hasOwnProperty', 'constructor', '__proto__', 'a.toString']) {
    it(`never leads to what is inherited: ${name}`, () => {
      const filters = Object.fromEntries([[name, { exists: true }]])
      expect(matches(record, filters)).to.equal(false)
    })
  }

  it('leads to an own property of an inherited name', () => {
    expect(matches({ toString: 'mine' }, { toString: 'mine' })).to.equal(true)
  })
})

function check(filter: FilterValue, value: unknown, expected: boolean): void {
  const record = value === MISSING ? { other: 1 } : { other: 1, field: value }
  expect(matches(record, { field: filter }), show(value)).to.equal(expected)
}

function show(value: unknown): string {
  return value === MISSING ? 'a missing field' : JSON.stringify(value)
}
