import { expect } from 'chai'
import { describe, it } from 'mocha'
import { Sampler } from '../../../server/sampler.ts'

describe('Sampler', () => {
  it('lets the first of each window through, and tells how many it left out', () => {
    const sampler = new Sampler(2, 1_000)
    const taken = [0, 1, 2, 999, 1_000, 1_001, 1_002, 5_000].map((now) => sampler.take('a', now))
    expect(taken).to.deep.equal([0, 0, undefined, undefined, 2, 0, undefined, 1])
  })

  it('counts each kind by itself', () => {
    const sampler = new Sampler(1, 1_000)
    expect(sampler.take('a', 0)).to.equal(0)
    expect(sampler.take('a', 1)).to.equal(undefined)
    expect(sampler.take('b', 2)).to.equal(0)
    expect(sampler.take('b', 1_001)).to.equal(undefined)
    expect(sampler.take('a', 1_001)).to.equal(1)
  })
})
