import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { Counts } from '../../../server/limits/counts.ts'
import { KeyedBuckets } from '../../../server/limits/keyed-buckets.ts'
import { TokenBucket } from '../../../server/limits/token-bucket.ts'

const RATE = { perSecond: 10, burst: 2 }

describe('buckets by key', () => {
  it('hold back one key and not another', () => {
    const buckets = new KeyedBuckets(RATE)
    const taken = ['a', 'a', 'a', 'b', '__proto__', 'a'].map((key) => buckets.take(key, 0))
    expect(taken).to.deep.equal([true, true, false, true, true, false])
  })

  it('are as a bucket of its own for each key, also when they are swept', () => {
    const step = fc.record({
      key: fc.constantFrom('a', 'b', 'constructor'),
      pauseMs: fc.integer({ min: 0, max: 300 }),
      sweep: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const buckets = new KeyedBuckets(RATE)
        const model = new Map<string, TokenBucket>()
        let now = 0
        for (const { key, pauseMs, sweep } of steps) {
          now += pauseMs
          if (sweep) buckets.sweep(now)
          const own = model.get(key) ?? new TokenBucket(RATE, now)
          model.set(key, own)
          expect(buckets.take(key, now)).to.equal(own.take(now))
        }
      }),
    )
  })

  it('keep nobody who has been quiet for long enough', () => {
    const buckets = new KeyedBuckets(RATE)
    for (const key of ['a', 'b']) buckets.take(key, 0)
    buckets.take('b', 0)
    buckets.sweep(99)
    expect(buckets.size).to.equal(2)
    buckets.sweep(100)
    expect(buckets.size).to.equal(1)
    buckets.sweep(200)
    expect(buckets.size).to.equal(0)
  })

  it('keep so many keys, and forget the one that was used least recently', () => {
    const buckets = new KeyedBuckets(RATE, 2)
    const empty = (key: string) => [0, 0].map(() => buckets.take(key, 0))
    empty('a')
    empty('b')
    expect(buckets.take('a', 0)).to.equal(false)
    buckets.take('c', 0)
    expect(buckets.size).to.equal(2)
    expect(buckets.take('a', 0), 'kept').to.equal(false)
    expect(buckets.take('b', 0), 'forgotten').to.equal(true)
  })
})

describe('counts by key', () => {
  it('go up and down, and keep no key of which there is none', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', '__proto__'), { maxLength: 50 }), (keys) => {
        const counts = new Counts()
        for (const key of keys) counts.add(key)
        for (const key of new Set(keys)) {
          expect(counts.of(key)).to.equal(keys.filter((each) => each === key).length)
        }
        expect(counts.size).to.equal(new Set(keys).size)
        for (const key of keys) counts.remove(key)
        expect(counts.size).to.equal(0)
        for (const key of keys) expect(counts.of(key)).to.equal(0)
      }),
    )
  })

  it('take nothing away where there is nothing', () => {
    const counts = new Counts()
    counts.remove('a')
    counts.add('a')
    expect(counts.of('a')).to.equal(1)
  })
})
