import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { QUERY_LIMITS } from '../../../../channels/agent/query/limits.ts'
import {
  applyModificationObject,
  applyModifications,
} from '../../../../channels/agent/query/modify.ts'
import { PROBLEMS } from '../../../../channels/agent/query/problem.ts'
import { defaultQuery, type Problem, type Query } from '../../../../channels/agent/query/query.ts'
import { find } from '../../../support/find.ts'
import { declared, deepFreeze, filter, list, name, object, query, records } from './arbitraries.ts'
import { naiveFind } from './naive.ts'

describe('Whatever a client sends, modifying', () => {
  const attempt = fc.record({ before: query.map(deepFreeze), list, object, declared })

  it('changes neither the query before nor what was sent', () => {
    fc.assert(
      fc.property(attempt, ({ before, list, object, declared }) => {
        const then = JSON.stringify([before, list, object])
        applyModifications(before, list, declared)
        applyModificationObject(before, object, declared)
        expect(JSON.stringify([before, list, object])).to.equal(then)
      }),
      { numRuns: 1_000 },
    )
  })

  it('gives a query within the rules, or a problem in fixed words at a place that was sent', () => {
    fc.assert(
      fc.property(attempt, ({ before, list, object, declared }) => {
        const outcomes = [
          [list, applyModifications(before, list, declared)],
          [object, applyModificationObject(before, object, declared)],
        ] as const
        for (const [sent, outcome] of outcomes) {
          if ('query' in outcome) expectSound(outcome.query)
          else expectFixedWords(outcome.problems, sent)
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('gives a query that finds', () => {
    fc.assert(
      fc.property(attempt, records, ({ before, list }, given) => {
        const outcome = applyModifications(before, list)
        if (!('query' in outcome)) return
        expect(find(given, outcome.query)).to.deep.equal(naiveFind(given, outcome.query))
      }),
      { numRuns: 1_000 },
    )
  })

  it('applies a list as its parts one after another, or nothing of it', () => {
    fc.assert(
      fc.property(query, list, (before, sent) => {
        if (!Array.isArray(sent) || sent.length === 0) return
        const expected = oneByOne(before, sent)
        const outcome = applyModifications(before, sent)
        if (expected) expect(outcome).to.deep.equal({ query: expected, list: sent })
        else expect(outcome).to.have.all.keys('problems')
      }),
    )
  })

  it('takes back a filter that was new', () => {
    fc.assert(
      fc.property(query, name, filter, (before, field, wanted) => {
        const { [field]: _, ...filters } = before.filters
        const start = { ...before, filters }
        const there = { field, operation: 'filter', value: wanted }
        const back = { field: 'filters', operation: 'remove', value: field }
        expect(applyModifications(start, [there, back])).to.deep.include({ query: start })
      }),
    )
  })

  it('pollutes no prototype', () => {
    const prototypes = [Object.prototype, Array.prototype, Function.prototype, String.prototype]
    const shape = () => prototypes.map((prototype) => Object.getOwnPropertyDescriptors(prototype))
    const before = shape()
    fc.assert(
      fc.property(attempt, records, ({ before, list, object }, given) => {
        for (const outcome of [
          applyModifications(before, list),
          applyModificationObject(before, object),
        ]) {
          if ('query' in outcome) find(given, outcome.query)
        }
      }),
      { numRuns: 1_000 },
    )
    expect(shape()).to.deep.equal(before)
  })
})

function oneByOne(before: Query, sent: readonly unknown[]): Query | undefined {
  let query = before
  for (const one of sent) {
    const outcome = applyModifications(query, [one])
    if (!('query' in outcome)) return undefined
    query = outcome.query
  }
  return query
}

/** A query that survives JSON, keeps the limits, and has no name that leads to a prototype. */
function expectSound(query: Query): void {
  expect(JSON.stringify(JSON.parse(JSON.stringify(query)))).to.equal(JSON.stringify(query))
  expect(query).to.have.all.keys(Object.keys(defaultQuery('')))
  expect(query.limit).to.be.within(1, QUERY_LIMITS.limit)
  expect(query.offset).to.be.within(0, QUERY_LIMITS.offset)
  expect(new Set(query.fields).size).to.equal(query.fields.length)
  for (const object of [query.filters, query.sort]) {
    expect(Object.getPrototypeOf(object)).to.equal(Object.prototype)
  }
  for (const name of [...Object.keys(query.filters), ...Object.keys(query.sort), ...query.fields]) {
    expect(name).to.match(/^[A-Za-z_][A-Za-z0-9_.]{0,63}$/)
    expect(name.split('.')).to.not.include.oneOf(['__proto__', 'constructor', 'prototype', ''])
  }
}

/** One problem, in words that repeat nothing of what was sent. */
function expectFixedWords(problems: readonly Problem[], sent: unknown): void {
  expect(problems).to.have.length(1)
  for (const { path, problem } of problems) {
    expect(Object.values(PROBLEMS)).to.include(problem)
    expect(leadsSomewhere(path, sent), path).to.equal(true)
  }
}

/** Whether a JSON Pointer leads to a place in what was sent, or to a member that is missing there. */
function leadsSomewhere(path: string, sent: unknown): boolean {
  const tokens = path.split('/').slice(1)
  let holder = sent
  for (const token of tokens.slice(0, -1)) {
    const name = token.replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof holder !== 'object' || holder === null || !Object.hasOwn(holder, name)) return false
    holder = Reflect.get(holder, name)
  }
  return tokens.length === 0 || (typeof holder === 'object' && holder !== null)
}
