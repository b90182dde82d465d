import { expect } from 'chai'
import { describe, it } from 'mocha'
import { TooMuchFound } from '../../../../channels/agent/query/find.ts'
import { defaultQuery, type Query } from '../../../../channels/agent/query/query.ts'
import { find } from '../../../support/find.ts'

function query(part: Partial<Query>): Query {
  return { ...defaultQuery('customers'), ...part }
}

function ids(records: Iterable<Record<string, unknown>>, part: Partial<Query>): unknown[] {
  return find(records, query(part)).records.map(({ id }) => id)
}

describe('The default query', () => {
  it('is the one of the contract', () => {
    expect(defaultQuery('customers')).to.deep.equal({
      repository: 'customers',
      filters: {},
      fields: [],
      sort: {},
      limit: 100,
      offset: 0,
    })
  })

  it('finds the first hundred records by id, and counts all', () => {
    const records = Array.from({ length: 250 }, (_, n) => ({ id: `r${String(999 - n)}` }))
    const page = find(records, defaultQuery('customers'))
    expect(page.total).to.equal(250)
    expect(page.records).to.have.length(100)
    expect(page.records[0]).to.deep.equal({ id: 'r750' })
    expect(page.records[99]).to.deep.equal({ id: 'r849' })
  })
})

describe('A search', () => {
  const large = 'x'.repeat(60_000)
  const records = function* (count: number) {
    for (let n = 0; n < count; n += 1) yield { id: `r${20_000 - n}`, text: `${large}${n % 7}` }
  }

  it('holds no more than its page may need, however much there is', () => {
    const page = find(records(1_500), query({ sort: { text: 'asc' }, offset: 3, limit: 2 }))
    expect(page.total).to.equal(1_500)
    expect(page.records.map(({ id }) => id)).to.deep.equal(['r18523', 'r18530'])
  })

  it('ends where it would have to hold too much: records, or what they are sorted by', () => {
    const all = { fields: ['id'], limit: 1_000 }
    expect(() => find(records(900), query({ limit: 1_000 }))).to.throw(TooMuchFound)
    expect(() => find(records(900), query({ ...all, sort: { text: 'asc' } }))).to.throw(
      TooMuchFound,
    )
    expect(find(records(900), query(all)).records).to.have.length(900)
    expect(find(records(900), query({ filters: { id: 'r19500' } })).records).to.have.length(1)
  })
})

describe('Sorting', () => {
  const people = [
    { id: '3', name: 'Ana', age: 30, at: { city: 'Iasi' } },
    { id: '1', name: 'Bob', age: 20, at: { city: 'Cluj' } },
    { id: '2', name: 'Ana', age: 40, at: { city: 'Arad' } },
  ]
  const cases: readonly [string, Query['sort'], readonly string[]][] = [
    ['by id when nothing is asked for', {}, ['1', '2', '3']],
    ['upwards', { age: 'asc' }, ['1', '3', '2']],
    ['downwards', { age: 'desc' }, ['2', '3', '1']],
    ['by a path', { 'at.city': 'asc' }, ['2', '1', '3']],
    ['by several fields in their order', { name: 'asc', age: 'desc' }, ['2', '3', '1']],
    ['each field in its own direction', { name: 'desc', age: 'asc' }, ['1', '3', '2']],
    ['by id upwards where the fields are equal', { name: 'desc' }, ['1', '2', '3']],
    ['by id downwards when asked for', { name: 'asc', id: 'desc' }, ['3', '2', '1']],
    ['by id where nobody has the field', { nothing: 'desc' }, ['1', '2', '3']],
    ['not by what is inherited', JSON.parse('{"toString":"desc"}'), ['1', '2', '3']],
  ]
  for (const [title, sort, expected] of cases) {
    it(`goes ${title}`, () => expect(ids(people, { sort })).to.deep.equal(expected))
  }

  const mixed = [
    { id: 'object', v: {} },
    { id: 'list', v: [1] },
    { id: 'text z', v: 'z' },
    { id: 'text é', v: 'é' },
    { id: 'text Z', v: 'Z' },
    { id: 'number 10', v: 10 },
    { id: 'number 9', v: 9 },
    { id: 'true', v: true },
    { id: 'false', v: false },
    { id: 'null', v: null },
    { id: 'missing' },
  ]
  const order = [
    ...['missing', 'null', 'false', 'true', 'number 9', 'number 10'],
    ...['text Z', 'text z', 'text é', 'list', 'object'],
  ]

  it('has one order for values of all types', () => {
    expect(ids(mixed, { sort: { v: 'asc' } })).to.deep.equal(order)
  })

  it('turns that order around, but not that of the ids', () => {
    const down = ['list', 'object', 'text é', 'text z', 'text Z', 'number 10', 'number 9']
    const rest = ['true', 'false', 'missing', 'null']
    expect(ids(mixed, { sort: { v: 'desc' } })).to.deep.equal([...down, ...rest])
  })

  it('orders ids by code unit, not by language', () => {
    const records = ['b', 'B', 'ä', 'a', '10', '9'].map((id) => ({ id }))
    expect(ids(records, {})).to.deep.equal(['10', '9', 'B', 'a', 'b', 'ä'])
  })

  it('leaves the given list as it was', () => {
    const records = Object.freeze([{ id: '2' }, { id: '1' }])
    expect(ids(records, {})).to.deep.equal(['1', '2'])
  })

  // The work per record must not depend on how many there are: values are read once, not per comparison.
  it('reads the fields of a record once, however many records there are', () => {
    let reads = 0
    const records = Array.from({ length: 10_000 }, (_, n) => ({
      id: String(n),
      get age(): number {
        reads += 1
        return (n * 7_919) % 10_007
      },
    }))
    find(records, query({ sort: { age: 'desc' }, fields: ['id'] }))
    expect(reads).to.equal(10_000)
  })
})

describe('A page', () => {
  const records = ['5', '3', '1', '2', '4'].map((id) => ({ id, odd: Number(id) % 2 === 1 }))
  const cases: readonly [Partial<Query>, readonly string[], number][] = [
    [{ limit: 2 }, ['1', '2'], 5],
    [{ limit: 2, offset: 2 }, ['3', '4'], 5],
    [{ limit: 2, offset: 4 }, ['5'], 5],
    [{ limit: 2, offset: 5 }, [], 5],
    [{ limit: 1_000, offset: 1_000_000 }, [], 5],
    [{ limit: 2, filters: { odd: true } }, ['1', '3'], 3],
    [{ limit: 2, offset: 2, filters: { odd: true } }, ['5'], 3],
    [{ filters: { odd: 'no' } }, [], 0],
  ]
  for (const [part, expected, total] of cases) {
    it(`of ${JSON.stringify(part)} has ${expected.length} of ${total}`, () => {
      const page = find(records, query(part))
      expect(page.records.map(({ id }) => id)).to.deep.equal(expected)
      expect(page.total).to.equal(total)
    })
  }

  it('can be of records that are read only once', () => {
    const once = new Set(records).values()
    expect(find(once, query({ limit: 1 }))).to.deep.equal({
      records: [{ id: '1', odd: true }],
      total: 5,
    })
  })
})

describe('The fields shown', () => {
  const record = {
    name: 'Ana',
    at: { city: 'Iasi', street: { name: 'Lunga', no: 3 } },
    tags: ['a', 'b'],
    note: null,
    id: '1',
  }
  const cases: readonly [string, readonly string[], unknown][] = [
    ['are all without a list', [], record],
    ['are the named ones and id', ['name'], { id: '1', name: 'Ana' }],
    ['have id only once', ['id', 'name'], { id: '1', name: 'Ana' }],
    ['leave out what is missing', ['age', 'name'], { id: '1', name: 'Ana' }],
    ['keep null', ['note'], { id: '1', note: null }],
    ['keep lists whole', ['tags'], { id: '1', tags: ['a', 'b'] }],
    ['rebuild the way of a path', ['at.street.no'], { id: '1', at: { street: { no: 3 } } }],
    [
      'join paths that begin alike',
      ['at.street.no', 'name', 'at.city'],
      { id: '1', name: 'Ana', at: { city: 'Iasi', street: { no: 3 } } },
    ],
    ['keep a whole object besides a part of it', ['at', 'at.city'], { id: '1', at: record.at }],
    ['keep a whole object after a part of it', ['at.city', 'at'], { id: '1', at: record.at }],
    ['leave out a way that leads nowhere', ['at.zip', 'at.city.x', 'name.first'], { id: '1' }],
    ['do not step into lists or text', ['tags.length', 'name.length'], { id: '1' }],
    ['are never inherited', ['toString', 'at.valueOf', 'constructor', '__proto__'], { id: '1' }],
  ]
  for (const [title, fields, expected] of cases) {
    it(title, () => expect(find([record], query({ fields })).records).to.deep.equal([expected]))
  }

  it('are those of a fresh object', () => {
    for (const fields of [[], ['name']]) {
      const [found] = find([record], query({ fields })).records
      expect(found).to.not.equal(record)
    }
  })

  it('never change the record that has them', () => {
    const before = JSON.stringify(record)
    find([record], query({ fields: ['at', 'at.city', 'at.street.no'] }))
    expect(JSON.stringify(record)).to.equal(before)
  })

  it('of a record with an own __proto__ set no prototype', () => {
    const hostile = JSON.parse('{"id":"1","__proto__":{"admin":true},"a":{"__proto__":{"x":1}}}')
    for (const fields of [[], ['a', '__proto__'], ['a.__proto__.x', '__proto__.admin']]) {
      const [found] = find([hostile], query({ fields })).records
      expect(Object.getPrototypeOf(found)).to.equal(Object.prototype)
      expect(found).to.not.have.property('admin')
    }
  })
})
