import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { filterParams } from '../../../server/filter-params.ts'

const F = '[FILTERED]'

/** Nested so deep: `{ a: { a: … } }`. */
const nested = (depth: number, leaf: unknown): unknown =>
  depth === 0 ? leaf : { a: nested(depth - 1, leaf) }

describe('filterParams', () => {
  it('leaves ordinary params as they are', () => {
    const params = { a: 1, b: [true, null, 'text'], c: { d: -0.5 } }
    expect(filterParams(params)).to.deep.equal(params)
  })

  it('C8.5: filters what a key with password or token in it holds, at any depth', () => {
    const params = {
      password: 'a',
      user_token: ['b'],
      list: [{ deep: { passwords: { all: 'c' } } }],
    }
    expect(filterParams(params)).to.deep.equal({
      password: F,
      user_token: F,
      list: [{ deep: { passwords: F } }],
    })
  })

  it('filters secrets and authorization too, in any case', () => {
    const params = { clientSecret: 1, Authorization: 'Bearer x', authToken: 'x', PASSWORD: 'x' }
    expect(Object.values(filterParams(params) as object)).to.deep.equal([F, F, F, F])
  })

  it('C8.7: filters a text that contains such a word with =, also as a key or alone', () => {
    const url = 'https://a.com/?Token=abc'
    expect(filterParams({ url, list: ['password=1'] })).to.deep.equal({ url: F, list: [F] })
    expect(filterParams(url)).to.equal(F)
    expect(filterParams({ 'password=1': 1 })).to.deep.equal({ [F]: F })
    expect(filterParams('a token, no value')).to.equal('a token, no value')
  })

  it('shows eight levels and no more', () => {
    expect(JSON.stringify(filterParams(nested(8, 'leaf')))).to.contain('leaf')
    expect(JSON.stringify(filterParams(nested(9, 'leaf')))).not.to.contain('leaf')
  })

  it('survives a cycle', () => {
    const cycle: unknown[] = []
    cycle.push(cycle)
    expect(JSON.stringify(filterParams(cycle))).to.contain('[…]')
  })

  it('cuts long lists and long maps, and says by how much', () => {
    const list = Array.from({ length: 53 }, (_, index) => index)
    expect(filterParams(list)).to.deep.equal([...list.slice(0, 50), '[and 3 more]'])
    const map = Object.fromEntries(list.map((index) => [`k${index}`, index]))
    expect(filterParams(map))
      .to.include({ k49: 49, '…': '[and 3 more]' })
      .and.not.to.have.key('k50')
  })

  it('cuts long texts', () => {
    expect(filterParams('x'.repeat(501))).to.equal(`${'x'.repeat(500)}…`)
    expect(filterParams('x'.repeat(500))).to.equal('x'.repeat(500))
  })

  it('counts bytes instead of showing them', () => {
    expect(filterParams({ bin: new Uint8Array(3) })).to.deep.equal({ bin: '[3 bytes]' })
  })

  it('writes big integers, which JSON cannot hold, as text', () => {
    expect(filterParams([12345678901234567890n])).to.deep.equal(['12345678901234567890'])
  })

  it('takes __proto__ for an ordinary key', () => {
    const params: unknown = JSON.parse('{"__proto__": {"token": "a", "polluted": 1}}')
    const filtered = filterParams(params)
    expect(JSON.stringify(filtered)).to.equal(`{"__proto__":{"token":"${F}","polluted":1}}`)
    expect(filtered).not.to.have.property('polluted')
    expect(filterParams(Object.assign(Object.create(null), { a: '1' }))).to.deep.equal({ a: '1' })
  })

  it('keeps a line short, whatever a client sends', () => {
    const wide = (depth: number): unknown =>
      depth === 0 ? 'x'.repeat(1_000) : Array.from({ length: 60 }, () => wide(depth - 1))
    expect(JSON.stringify(filterParams(wide(3))).length).to.be.below(20_000)
  })

  it('lets no value of a secret key through', () => {
    const secret = 'hunter2hunter2'
    const key = fc.constantFrom('password', 'accessToken', 'SECRET_1', 'authorization')
    const leaf = fc.oneof(
      fc.constant(1),
      fc.tuple(key).map(([name]) => ({ [name]: secret })),
    )
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 5 },
        leaf,
        fc.array(tie('tree')),
        fc.dictionary(fc.string(), tie('tree')),
      ),
    }))
    fc.assert(
      fc.property(tree, (params) => {
        expect(JSON.stringify(filterParams(params))).not.to.contain(secret)
      }),
    )
  })
})
