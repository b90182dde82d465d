import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { type Change, entriesOf } from '../../../server/presence/state.ts'
import { decodeEntry, decodeStep, encodeEntry, encodeStep } from '../../../server/presence/wire.ts'
import { json, text } from '../protocol/arbitraries.ts'

const meta = fc
  .tuple(fc.dictionary(text, json), text)
  .map(([fields, phx_ref]) => JSON.parse(JSON.stringify({ ...fields, phx_ref })))
const entry = fc.record({ topic: text, key: text, meta }, { noNullPrototype: true })
const change: fc.Arbitrary<Change> = fc
  .tuple(fc.array(entry), fc.array(entry))
  .map(([joined, left]) => ({ joined: entriesOf(joined), left: entriesOf(left) }))

describe('what nodes tell one another', () => {
  it('is an entry that arrives as it was', () => {
    const property = fc.property(entry, (each) => {
      expect(decodeEntry(encodeEntry(each))).to.deep.equal(each)
    })
    fc.assert(property)
  })

  it('is a step that arrives as it was', () => {
    fc.assert(
      fc.property(text, fc.maxSafeNat(), change, (node, seq, what) => {
        expect(decodeStep(encodeStep(node, seq, what))).to.deep.equal({
          node,
          seq,
          what: { joined: [...what.joined.values()], left: [...what.left.keys()] },
        })
      }),
    )
    for (const what of ['moved', 'gone'] as const) {
      expect(decodeStep(encodeStep('a', 1, what))).to.deep.equal({ node: 'a', seq: 1, what })
    }
  })

  it('is ignored where it is anything else', () => {
    const refless = ['room:a', 'u1', {}]
    const strange: readonly unknown[] = [
      [],
      {},
      [2, 'a', 1, 'moved'],
      [1, 'a', 1],
      [1, 'a', 1, 'moved', 0],
      [1, 7, 1, 'moved'],
      [1, 'a', 1.5, 'moved'],
      [1, 'a', '1', 'moved'],
      [1, 'a', 1, 'other'],
      [1, 'a', 1, null],
      [1, 'a', 1, {}],
      [1, 'a', 1, { joined: [], left: [7] }],
      [1, 'a', 1, { joined: [refless], left: [] }],
      [1, 'a', 1, { joined: [['room:a', 5, { phx_ref: 'r' }]], left: [] }],
      [1, 'a', 1, { joined: [['room:a', 'u1', ['r']]], left: [] }],
      [1, 'a', 1, { joined: [null], left: [] }],
    ]
    for (const message of strange) {
      expect(decodeStep(Buffer.from(JSON.stringify(message)))).to.equal(undefined)
    }
    expect(decodeEntry(JSON.stringify(refless))).to.equal(undefined)
    expect(decodeEntry(undefined)).to.equal(undefined)
    expect(decodeEntry(7)).to.equal(undefined)
    const bytes = fc.property(fc.uint8Array(), (data) => {
      expect(decodeStep(Buffer.from(data))).to.equal(undefined)
    })
    fc.assert(bytes)
  })
})
