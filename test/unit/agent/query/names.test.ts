import { expect } from 'chai'
import { describe, it } from 'mocha'
import { applyModifications } from '../../../../channels/agent/query/modify.ts'
import { EMPTY, refuses, show } from './support.ts'

describe('A field name', () => {
  const good = ['a', '_', '_a1', 'A.b.c', 'a.1', 'toString', 'proto', '__proto', 'a'.repeat(64)]
  for (const field of good) {
    it(`may be ${field}`, () => {
      const result = applyModifications(EMPTY, [{ field, operation: 'filter', value: 1 }])
      const filters = Object.fromEntries([[field, 1]])
      expect(result)
        .to.have.property('query')
        .that.deep.equals({ ...EMPTY, filters })
    })
  }

  const bad = [
    ...['', ' ', '1', '1a', 'a b', 'a-b', 'a$', 'é', 'a\n', '\na', 'a'.repeat(65), '.', '.a'],
    ...['a.', 'a..b', '__proto__', 'constructor', 'prototype', 'a.__proto__', 'constructor.a'],
    ...['a.prototype.b', null, 1, true, ['a'], { a: 1 }],
  ]
  for (const name of bad) {
    it(`may not be ${show(name)}, wherever it stands`, () => {
      refuses([{ field: name, operation: 'filter', value: 1 }], '/0/field', 'fieldName')
      refuses([{ field: 'fields', operation: 'add', value: [name] }], '/0/value/0', 'fieldName')
      refuses([{ field: 'fields', operation: 'modify', value: [name] }], '/0/value/0', 'fieldName')
      refuses([{ field: 'fields', operation: 'remove', value: [name] }], '/0/value/0', 'fieldName')
      refuses([{ field: 'filters', operation: 'remove', value: [name] }], '/0/value/0', 'fieldName')
      if (typeof name !== 'string') return
      const path = name.length > 64 ? '/0/value' : `/0/value/${name}`
      const filters = Object.fromEntries([[name, 1]])
      refuses([{ field: 'filters', operation: 'add', value: filters }], path, 'fieldName')
      const sort = Object.fromEntries([[name, 'asc']])
      refuses([{ field: 'sort', operation: 'add', value: sort }], path, 'fieldName')
    })
  }
})

describe('A repository that declares its fields', () => {
  const declared = new Set(['name', 'address', 'a.b'])

  for (const name of ['name', 'id', 'address', 'address.city', 'address.city.zip', 'a.b']) {
    it(`admits ${name}`, () => {
      const list = [
        { field: name, operation: 'filter', value: 1 },
        { field: 'filters', operation: 'add', value: { [name]: 1 } },
        { field: 'sort', operation: 'add', value: { [name]: 'asc' } },
        { field: 'fields', operation: 'add', value: [name] },
      ]
      expect(applyModifications(EMPTY, list, declared)).to.have.property('query')
    })
  }

  for (const name of ['other', 'names', 'a', 'a.c', 'a.b.c', 'other.name']) {
    it(`refuses ${name}, wherever it stands`, () => {
      const cases: readonly [object, string][] = [
        [{ field: name, operation: 'filter', value: 1 }, '/0/field'],
        [{ field: 'filters', operation: 'add', value: { [name]: 1 } }, `/0/value/${name}`],
        [{ field: 'filters', operation: 'remove', value: name }, '/0/value'],
        [{ field: 'sort', operation: 'modify', value: { [name]: 'asc' } }, `/0/value/${name}`],
        [{ field: 'fields', operation: 'modify', value: ['name', name] }, '/0/value/1'],
        [{ field: 'fields', operation: 'remove', value: [name] }, '/0/value/0'],
      ]
      for (const [modification, path] of cases) {
        refuses([modification], path, 'undeclared', EMPTY, declared)
      }
    })
  }

  // A field may be dropped from a repository while sessions still filter by it.
  it('lets go of what it no longer declares', () => {
    const stale = { ...EMPTY, filters: { old: 1, name: 'x' }, fields: ['old', 'name'] }
    const list = [
      { field: 'filters', operation: 'remove', value: 'old' },
      { field: 'fields', operation: 'remove', value: ['old'] },
    ]
    const expected = { ...EMPTY, filters: { name: 'x' }, fields: ['name'] }
    expect(applyModifications(stale, list, declared)).to.deep.equal({ query: expected, list })
  })
})
