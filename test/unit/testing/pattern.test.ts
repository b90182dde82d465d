import { inspect } from 'node:util'
import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { matches } from '../../../server/testing/pattern.ts'

describe('a payload’s pattern', () => {
  const YES: readonly (readonly [pattern: unknown, value: unknown])[] = [
    [undefined, { any: 1 }],
    [{}, { any: 1 }],
    [{ a: 1 }, { a: 1, b: 2 }],
    [{ a: { b: [{ c: 1 }] } }, { a: { b: [{ c: 1, d: 2 }], e: 3 } }],
    [{ a: undefined }, { b: 1 }],
    [{ a: null }, { a: null }],
    [
      [1, [2]],
      [1, [2]],
    ],
    ['text', 'text'],
    [Uint8Array.of(1, 2), Uint8Array.of(1, 2)],
    [({ n }: { n: number }) => n > 1, { n: 2 }],
  ]
  for (const [pattern, value] of YES) {
    it(`${inspect(pattern)} matches ${inspect(value)}`, () => {
      expect(matches(pattern, value)).to.equal(true)
    })
  }

  const NO: readonly (readonly [pattern: unknown, value: unknown])[] = [
    [{ a: 1 }, { a: 2 }],
    [{ a: 1 }, { b: 1 }],
    [{ a: undefined }, { a: null }],
    [{ toString: undefined, a: 1 }, {}],
    [{ constructor: Object }, {}],
    [{}, []],
    [{}, null],
    [{}, Uint8Array.of(1)],
    [[], {}],
    [[1], [1, 2]],
    [1, '1'],
    [null, undefined],
    [Uint8Array.of(1), [1]],
    [Uint8Array.of(1), Uint8Array.of(1, 2)],
    [() => 'yes', {}],
  ]
  for (const [pattern, value] of NO) {
    it(`${inspect(pattern)} does not match ${inspect(value)}`, () => {
      expect(matches(pattern, value)).to.equal(false)
    })
  }

  it('is matched by itself, whatever JSON it is', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => matches(value, structuredClone(value))))
  })
})
