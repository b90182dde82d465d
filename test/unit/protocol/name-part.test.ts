import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { namePart } from '../../../server/protocol/name-part.ts'

describe('namePart', () => {
  it('leaves plain ids as they are, and percent-encodes all else', () => {
    expect(namePart('Business_1.a-b')).to.equal('Business_1.a-b')
    expect(namePart("a/b:c é!'()*~%")).to.equal('a%2Fb%3Ac%20%C3%A9%21%27%28%29%2A%7E%25')
  })

  it('refuses what has no UTF-8 form', () => {
    expect(() => namePart('a\ud800')).to.throw(RangeError)
  })

  it('gives no two lists of ids one name', () => {
    const ids = fc.tuple(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }))
    fc.assert(
      fc.property(ids, ([a, b]) => {
        const name = `${namePart(a)}/${namePart(b)}`
        expect(name.split('/').map(decodeURIComponent)).to.deep.equal([a, b])
      }),
    )
  })
})
