import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { decodeWithin, isDeeperThan } from '../../../server/protocol/depth.ts'
import { DecodeError } from '../../../server/protocol/message.ts'
import { v1 } from '../../../server/protocol/v1.ts'
import { v2 } from '../../../server/protocol/v2.ts'

const bytesOf = (text: string): ArrayBuffer => new TextEncoder().encode(text).buffer as ArrayBuffer

/** Counted on the value, by recursion. */
function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Math.max(0, ...Object.values(value).map(depthOf))
}

const nested = (depth: number, open = '[', close = ']') => open.repeat(depth) + close.repeat(depth)
const frames = {
  v1: (payload: string) => bytesOf(`{"topic":"t","event":"e","payload":${payload},"ref":"1"}`),
  v2: (payload: string) => bytesOf(`["1","2","t","e",${payload}]`),
}

describe('the depth of JSON', () => {
  it('is that of its value, whatever is in its strings', () => {
    const tricky = fc.string({ unit: fc.constantFrom('[', ']', '{', '}', '"', '\\', 'é', ' ') })
    const { json } = fc.letrec((tie) => ({
      json: fc.oneof({ maxDepth: 6 }, tricky, tie('list'), tie('object')),
      list: fc.array(tie('json'), { maxLength: 3 }),
      object: fc.dictionary(tricky, tie('json'), { maxKeys: 3 }),
    }))
    fc.assert(
      fc.property(json, fc.nat(8), fc.constantFrom(undefined, 2), (value, max, indent) => {
        const bytes = bytesOf(JSON.stringify(value, null, indent))
        expect(isDeeperThan(bytes, max)).to.equal(depthOf(value) > max)
      }),
      { numRuns: 1_000 },
    )
  })

  it('is found in what is no JSON without a throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(5), (bytes, max) => {
        expect(isDeeperThan(new Uint8Array(bytes).buffer, max)).to.be.a('boolean')
      }),
    )
    for (const text of ['"', '"\\', '"\\"', '\\"[[[', '[[["']) {
      expect(() => isDeeperThan(bytesOf(text), 0)).not.to.throw()
    }
  })

  it('is found in a megabyte of backslashes and quotes, each looked at a few times at most', () => {
    const bytes = bytesOf(`["${'\\\\\\"'.repeat(250_000)}",${nested(10)}]`)
    expect(isDeeperThan(bytes, 10)).to.equal(true)
    expect(isDeeperThan(bytes, 11)).to.equal(false)
  })
})

describe('a frame', () => {
  for (const [name, codec] of [
    ['v1', v1],
    ['v2', v2],
  ] as const) {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const payload = (depth: number) =>
        `${open.repeat(depth)}${open === '[' ? '' : '1'}${close.repeat(depth)}`

      it(`of ${name} may have a payload as deep as ${open}…${close} may be, and no deeper`, () => {
        const at = (depth: number) =>
          decodeWithin(codec, frames[name](payload(depth)), false, 1_000)
        expect(depthOf(at(1_000).payload)).to.equal(1_000)
        expect(() => at(1_001))
          .to.throw(DecodeError)
          .with.property('reason', 'payload_depth')
      })
    }
  }

  it('of V1 may be a binary one: it is text all the same', () => {
    const bytes = frames.v1(nested(11))
    expect(() => decodeWithin(v1, bytes, true, 10)).to.throw(DecodeError)
  })

  it('of bytes may have any bytes', () => {
    const payload = new TextEncoder().encode(nested(100))
    const header = new Uint8Array([0, 1, 1, 1, 1, 0x31, 0x32, 0x74, 0x65])
    const bytes = new Uint8Array([...header, ...payload])
    expect(decodeWithin(v2, bytes.buffer, true, 10).payload).to.have.length(payload.length)
  })

  it('that is undecodable is counted as that, not as too deep', () => {
    expect(() => decodeWithin(v2, bytesOf('nonsense'), false, 10))
      .to.throw(DecodeError)
      .with.property('reason', 'undecodable_frame')
  })
})
