import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { spreadReconnects } from '../../../client/agent/index.ts'

describe('spreadReconnects', () => {
  it('waits at most as long as the server asked for at first, and three times that later', () => {
    fc.assert(
      fc.property(fc.nat(60_000), fc.integer({ min: 1, max: 50 }), (jitterMs, tries) => {
        const ms = spreadReconnects(() => jitterMs)(tries)
        expect(ms).to.be.within(0, jitterMs * Math.min(tries, 3))
      }),
    )
  })

  it('spreads over 5 s as long as the server has not said anything', () => {
    const all = Array.from({ length: 1_000 }, () => spreadReconnects()(1))
    expect(Math.max(...all)).to.be.within(2_500, 5_000)
    expect(Math.min(...all)).to.be.within(0, 2_500)
  })
})
