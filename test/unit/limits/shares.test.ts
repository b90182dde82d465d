import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { Shares } from '../../../server/limits/shares.ts'

describe('shares', () => {
  it('are of each alone: up to the limit, and again when it is given back', () => {
    const shares = new Shares(10)
    expect([shares.take('a', 6), shares.take('a', 5), shares.take('a', 4)]).to.deep.equal([
      true,
      false,
      true,
    ])
    expect(shares.take('b', 11)).to.equal(false)
    expect(shares.take('b', 10)).to.equal(true)
    shares.give('a', 6)
    expect([shares.take('a', 7), shares.take('a', 6)]).to.deep.equal([false, true])
  })

  it('are never more than the limit, and take no place when all is given back', () => {
    const taking = fc.array(fc.tuple(fc.constantFrom('a', '__proto__', ''), fc.nat(30)))
    fc.assert(
      fc.property(taking, (all) => {
        const shares = new Shares(20)
        const taken = all.filter(([key, amount]) => shares.take(key, amount))
        for (const key of new Set(taken.map(([each]) => each))) {
          const own = taken.filter(([each]) => each === key).map(([, amount]) => amount)
          expect(own.reduce((sum, amount) => sum + amount, 0)).to.be.at.most(20)
        }
        for (const [key, amount] of taken) shares.give(key, amount)
        expect(shares.size).to.equal(0)
      }),
    )
  })
})
