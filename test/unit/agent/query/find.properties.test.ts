import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { QUERY_LIMITS } from '../../../../channels/agent/query/limits.ts'
import { find } from '../../../support/find.ts'
import { deepFreeze, query, records } from './arbitraries.ts'
import { naiveFind } from './naive.ts'

describe('For every query and all records, find', () => {
  it('gives what a naive search gives', () => {
    fc.assert(
      fc.property(records, query, (given, asked) => {
        expect(find(given, asked)).to.deep.equal(naiveFind(given, asked))
      }),
      { numRuns: 1_000 },
    )
  })

  it('does not depend on the order the records come in', () => {
    fc.assert(
      fc.property(records, query, (given, asked) => {
        expect(find(given.toReversed(), asked)).to.deep.equal(find(given, asked))
      }),
    )
  })

  it('counts at least what it shows, and shows at most the limit', () => {
    fc.assert(
      fc.property(records, query, (given, asked) => {
        const page = find(given, asked)
        expect(page.records.length).to.equal(
          Math.max(0, Math.min(asked.limit, page.total - asked.offset)),
        )
        expect(page.total).to.equal(find(given, { ...asked, limit: 1, offset: 0 }).total)
      }),
    )
  })

  it('gives pages that make up the whole', () => {
    fc.assert(
      fc.property(records, query, (given, asked) => {
        const whole = find(given, { ...asked, offset: 0, limit: QUERY_LIMITS.limit }).records
        const pages: unknown[] = []
        for (let offset = 0; offset < whole.length; offset += asked.limit) {
          pages.push(...find(given, { ...asked, offset }).records)
        }
        expect(pages).to.deep.equal(whole)
      }),
    )
  })

  it('leaves records and query as they were', () => {
    fc.assert(
      fc.property(records, query, (given, asked) => {
        const before = JSON.stringify([given, asked])
        find(deepFreeze(given), deepFreeze(asked))
        expect(JSON.stringify([given, asked])).to.equal(before)
      }),
    )
  })
})
