import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { type Rate, ratePerSecond, TokenBucket } from '../../../server/limits/token-bucket.ts'

const rates = fc.record({
  perSecond: fc.integer({ min: 1, max: 20_000 }),
  burst: fc.integer({ min: 1, max: 20_000 }),
})

/** Times between two attempts, in milliseconds. */
const pauses = fc.array(fc.double({ min: 0, max: 2_000, noNaN: true }), { maxLength: 200 })

/** When each attempt is made. */
function times(gaps: readonly number[]): readonly number[] {
  let at = 0
  return gaps.map((gap) => {
    at += gap
    return at
  })
}

/** How much may have been done by a time, whatever was done when. */
const mostIn = ({ perSecond, burst }: Rate, ms: number) => burst + (ms * perSecond) / 1_000

describe('a token bucket', () => {
  it('is full at first, and gives no more than it holds', () => {
    const bucket = new TokenBucket({ perSecond: 1, burst: 3 }, 0)
    expect([1, 2, 3, 4].map(() => bucket.take(0))).to.deep.equal([true, true, true, false])
  })

  it('has a token again when its time has come', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 1 }, 0)
    expect([0, 99, 100, 100, 200].map((at) => bucket.take(at))).to.deep.equal([
      true,
      false,
      true,
      false,
      true,
    ])
  })

  it('holds no more than its burst, however long it was left alone', () => {
    const bucket = new TokenBucket({ perSecond: 1_000, burst: 5 }, 0)
    expect(bucket.withdraw(1e9, 100)).to.equal(5)
    expect(bucket.withdraw(1e9, 100)).to.equal(0)
  })

  it('gives as many as there are where more are wanted', () => {
    const bucket = new TokenBucket({ perSecond: 1, burst: 10 }, 0)
    expect([4, 4, 4].map((most) => bucket.withdraw(0, most))).to.deep.equal([4, 4, 2])
  })

  it('is charged for what has been done already, and gives nothing until that is paid', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 2 }, 0)
    expect([1, 2, 3, 4].map(() => bucket.charge(0))).to.deep.equal([true, true, false, false])
    expect([0, 299, 300, 300].map((at) => bucket.take(at))).to.deep.equal([
      false,
      false,
      true,
      false,
    ])
  })

  it('stands still while a clock that was set back catches up to nothing', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 1 }, 1e6)
    expect([1e6, 0, 50, 100].map((at) => bucket.take(at))).to.deep.equal([true, false, false, true])
  })

  it('knows when it is as good as new', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 2 }, 0)
    expect(bucket.isFull(0)).to.equal(true)
    bucket.take(0)
    expect(bucket.isFull(99)).to.equal(false)
    expect(bucket.isFull(100)).to.equal(true)
  })

  it('lets nobody through any stretch of time with more than the burst and what came in it', () => {
    fc.assert(
      fc.property(rates, pauses, (rate, gaps) => {
        const bucket = new TokenBucket(rate, 0)
        const taken = times(gaps).filter((at) => bucket.take(at))
        for (const [index, from] of taken.entries()) {
          const last = taken.length - 1
          const ms = (taken[last] ?? from) - from
          expect(last - index + 1).to.be.at.most(mostIn(rate, ms) + 1e-6)
        }
      }),
    )
  })

  it('refuses nobody who keeps to the rate', () => {
    fc.assert(
      fc.property(rates, fc.integer({ min: 1, max: 500 }), (rate, count) => {
        const bucket = new TokenBucket(rate, 0)
        // The clock's own rounding: a millionth of a token.
        const everyMs = (1_000 / rate.perSecond) * (1 + 1e-6)
        for (let n = 0; n < count; n += 1) expect(bucket.take(n * everyMs), `${n}`).to.equal(true)
      }),
    )
  })

  it('of so many a second takes twice as many at once', () => {
    expect(ratePerSecond(5_000)).to.deep.equal({ perSecond: 5_000, burst: 10_000 })
  })
})
