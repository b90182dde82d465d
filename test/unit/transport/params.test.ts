import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { BadQuery, parseParams } from '../../../server/transport/params.ts'

/** A query made of the pieces that mean something to the parser, and of some that do not. */
const queries = fc
  .array(
    fc.constantFrom(
      ...['a', 'b', '__proto__', 'constructor', '[', ']', '[]', '][', '[b]', '=', '&', '+', '%'],
      ...['%5B', '%5d', '%c3%a9', '%ff', '%zz', 'é', '\ud800', '0', 'toString', 'polluted'],
    ),
    { maxLength: 40 },
  )
  .map((pieces) => pieces.join(''))

/** Every object within a value. */
function objectsOf(value: unknown): object[] {
  if (typeof value !== 'object' || value === null) return []
  return [value, ...Object.values(value).flatMap(objectsOf)]
}

function leavesOf(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [value]
  return Object.values(value).flatMap(leavesOf)
}

describe('parseParams', () => {
  const reads = (query: string, params: unknown) =>
    it(`reads ${query || 'an empty query'}`, () => {
      expect(JSON.parse(JSON.stringify(parseParams(query)))).to.deep.equal(params)
    })

  describe('C1.20: nesting, lists, strings', () => {
    reads('', {})
    reads('a[b][c]=1&l[]=1&l[]=2', { a: { b: { c: '1' } }, l: ['1', '2'] })
    reads('a%5Bb%5D=1&l%5B%5D=2', { a: { b: '1' }, l: ['2'] })
    reads('n[b][0]=1&n[b][1]=2', { n: { b: { 0: '1', 1: '2' } } })
    reads('a[b]=1&a[c][]=2&a[c][]=3&d=1&d=2&e&f=%C3%A9+x', {
      a: { b: '1', c: ['2', '3'] },
      d: '2',
      e: '',
      f: 'é x',
    })
    reads('vsn=garbage&vsn=2.0.0', { vsn: '2.0.0' })
    reads('&a=1&&b=2&', { a: '1', b: '2' })
    reads('a=1=2&=3&b==', { a: '1=2', b: '=', '': '3' })
    reads('u[][a]=1&u[][b]=2', { u: [{ a: '1', b: '2' }] })
    reads('u[][]=1&u[][]=2&u[]=3', { u: [['1', '2'], '3'] })
  })

  describe('keys that only look nested are plain', () => {
    reads('a[b=1', { 'a[b': '1' })
    reads('[a]=1', { '[a]': '1' })
    reads('a]=1', { 'a]': '1' })
    reads('a[b]c=1', { 'a[b]c': '1' })
    reads('a[b]c]=1', { a: { 'b]c': '1' } })
    reads('a[[b]]=1', { a: { '[b]': '1' } })
  })

  describe('of conflicting entries the last wins', () => {
    reads('a=1&a[b]=2', { a: { b: '2' } })
    reads('a[b]=2&a=1', { a: '1' })
    reads('a[b]=1&a=2&a[c]=3', { a: '2' })
    reads('a[]=1&a[b]=2', { a: { b: '2' } })
    reads('a[b]=2&a[]=1', { a: ['1'] })
  })

  describe('C1.21: decoding', () => {
    reads('n=%F0%9F%A6%8A%20%2B%26%3D&%C3%A9=1', { n: '🦊 +&=', é: '1' })
    for (const query of ['a=%ff', '%ff=1', 'a=%c3', 'a=%ed%a0%80', 'a=%c0%80', 'a=%zz', 'a=100%']) {
      it(`refuses ${query}`, () => {
        expect(() => parseParams(query)).to.throw(BadQuery)
      })
    }
  })

  it('takes hostile keys as ordinary ones', () => {
    const params = parseParams(
      '__proto__[polluted]=1&constructor[prototype][polluted]=1&toString=x',
    )
    expect(Object.keys(params)).to.have.members(['__proto__', 'constructor', 'toString'])
    expect(Object.getPrototypeOf(params)).to.equal(null)
    expect({}).to.not.have.property('polluted')
  })

  it('takes 1,000 pairs and refuses one more', () => {
    const pairs = (count: number) => Array.from({ length: count }, (_, at) => `k${at}=1`).join('&')
    expect(Object.keys(parseParams(pairs(1_000)))).to.have.length(1_000)
    expect(() => parseParams(pairs(1_001))).to.throw(BadQuery, 'more than 1000')
  })

  it('takes 32 levels and refuses one more', () => {
    const nested = (depth: number) => `a${'[b]'.repeat(depth - 1)}=1`
    expect(objectsOf(parseParams(nested(32)))).to.have.length(32)
    expect(() => parseParams(nested(33))).to.throw(BadQuery, 'deeper than 32')
  })

  it('throws nothing but BadQuery, and pollutes nothing, whatever the query', () => {
    const untouched = Object.getOwnPropertyNames(Object.prototype)
    fc.assert(
      fc.property(fc.oneof(queries, fc.string({ unit: 'binary' })), (query) => {
        try {
          const params = parseParams(query)
          for (const object of objectsOf(params)) {
            if (!Array.isArray(object)) expect(Object.getPrototypeOf(object)).to.equal(null)
          }
          for (const leaf of leavesOf(params)) expect(leaf).to.be.a('string')
        } catch (error) {
          expect(error).to.be.instanceOf(BadQuery)
        }
        expect(Object.getOwnPropertyNames(Object.prototype)).to.deep.equal(untouched)
      }),
      { numRuns: 1_000 },
    )
  })

  it('gives back flat params that URLSearchParams wrote', () => {
    const key = fc.string({ unit: 'grapheme' }).filter((each) => !each.includes('['))
    fc.assert(
      fc.property(fc.dictionary(key, fc.string({ unit: 'grapheme' })), (given) => {
        const params = parseParams(new URLSearchParams(Object.entries(given)).toString())
        expect(Object.entries(params)).to.have.deep.members(Object.entries(given))
      }),
    )
  })
})
