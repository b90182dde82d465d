/** Everything that a client can send as MessagePack and that is no message has one answer: DecodeError. */
import { ExtensionCodec, encode } from '@msgpack/msgpack'
import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { DecodeError } from '../../../server/protocol/message.ts'
import { msgpack } from '../../../server/protocol/msgpack.ts'
import { toArrayBuffer } from '../../support/client-codec.ts'

/** `[null, "1", "t", "e", payload]` with the payload's bytes as they are. */
const withPayload = (...payload: readonly number[]) => withParts(payload)
const withParts = (...parts: readonly (readonly number[] | Uint8Array)[]) =>
  Buffer.concat(
    [[0x95, 0xc0, 0xa1, 0x31, 0xa1, 0x74, 0xa1, 0x65], ...parts].map((part) => Buffer.from(part)),
  )
const decode = (frame: Uint8Array) => msgpack.decode(toArrayBuffer(frame), true)
const list = (payload: unknown) => [null, '1', 't', 'e', payload]

const refused: Readonly<Record<string, Uint8Array>> = {
  nothing: new Uint8Array(),
  'a number': Uint8Array.of(1),
  'a map': encode({ topic: 't' }),
  'a list of four': encode([null, '1', 't', 'e']),
  'a push of V2, cut': Uint8Array.of(0, 0, 1, 1, 1, 0x31, 0x74),
  'something after the list': Uint8Array.of(...encode(list({})), 0xc0),
  'bytes as topic': encode([null, '1', Uint8Array.of(1), 'e', {}]),
  'bytes as join_ref': encode([Uint8Array.of(1), '1', 't', 'e', {}]),
  'bytes in a map': encode(list({ a: Uint8Array.of(1) })),
  'bytes in a list': encode(list([Uint8Array.of(1)])),
  'a date': encode(list({ at: new Date(0) })),
  'a date of 96 bits': encode(list({ at: new Date(-1) })),
  'an extension': withPayload(0xd4, 1, 0),
  'an extension of no bytes': withPayload(0xc7, 0, 1),
  'msgpackr’s undefined': withPayload(0xd4, 0, 0),
  'the type that does not exist': withPayload(0xc1),
  'a key that is a number': withPayload(0x81, 1, 1),
  'a key that is nil': withPayload(0x81, 0xc0, 1),
  'a key that is a map': withPayload(0x81, 0x80, 1),
  'a key that is bytes': withPayload(0x81, 0xc4, 1, 0x61, 1),
  NaN: encode(list(Number.NaN)),
  'an infinity': encode(list({ n: Number.NEGATIVE_INFINITY })),
  'a NaN of 32 bits': withPayload(0xca, 0x7f, 0xc0, 0, 0),
  'text that is not UTF-8': withPayload(0xa1, 0xff),
  'long text that is not UTF-8': withPayload(0xb4, ...Array(19).fill(0x61), 0xff),
  'a lone surrogate': withPayload(0xa3, 0xed, 0xa0, 0x80),
  'text with a key that is not UTF-8': withPayload(0x81, 0xa1, 0xff, 1),
  'a list of four thousand million': withPayload(0xdd, 0xff, 0xff, 0xff, 0xff),
  'a map of four thousand million': withPayload(0xdf, 0xff, 0xff, 0xff, 0xff),
  'text of four thousand million bytes': withPayload(0xdb, 0xff, 0xff, 0xff, 0xff),
  'bytes of four thousand million': withPayload(0xc6, 0xff, 0xff, 0xff, 0xff),
  'a list in a list, a million deep': withParts(Buffer.alloc(1_000_000, 0x91), [0xc0]),
  'a map in a map, a million deep': withParts(Buffer.alloc(2_000_000, '81a0', 'hex'), [0xc0]),
  'a key in a key, a million deep': withParts(Buffer.alloc(1_000_000, 0x81), [0xc0]),
  'more than a million lists': withParts([0xdd, 0, 0x10, 0, 0], Buffer.alloc(0x100000, 0x90)),
  'a record of msgpackr': withPayload(0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 1),
  'a regular expression of msgpackr': withPayload(0xd4, 0x78, 0, 0x92, 0xa1, 0x61, 0xa0),
  'a set of msgpackr': withPayload(0xd4, 0x73, 0, 0x91, 1),
  'an error of msgpackr': withPayload(0xd4, 0x65, 0, 0x92, 0xa1, 0x45, 0xa1, 0x65),
  'a cycle of msgpackr': withPayload(0xd6, 0x69, 0, 0, 0, 1, 0x91, 0xd6, 0x70, 0, 0, 0, 1),
  'a BigInt of msgpackr': withPayload(0xc7, 9, 0x42, ...Array(9).fill(1)),
  'bundled text of msgpackr': withPayload(0xd6, 0x62, 0, 0, 0, 5, 0xc1, 0x01),
}

describe('a MessagePack frame', () => {
  for (const [what, frame] of Object.entries(refused)) {
    it(`is undecodable when it is or has ${what}`, () => {
      expect(() => decode(frame)).to.throw(DecodeError)
    })
  }

  it('is undecodable when it ends anywhere before its end', () => {
    const payload = { a: ['text', 1.5, 2 ** 40, -300, true, null], b: 'x'.repeat(300) }
    const frame = encode(list(payload))
    expect(decode(frame).payload).to.deep.equal(payload)
    for (let end = 0; end < frame.length; end += 1) {
      expect(() => decode(frame.subarray(0, end))).to.throw(DecodeError)
    }
  })

  it('may nest as deep as no sensible message does, and hold many lists', () => {
    expect(decode(withParts(Buffer.alloc(900, 0x91), [0xc0])).payload).to.be.an('array')
    const many = encode(list(Array(100_000).fill([])), { maxDepth: 4 })
    expect(decode(many).payload).to.have.length(100_000)
  })

  it('may have the replacement character in its text', () => {
    for (const text of ['\ufffd', `${'a'.repeat(40)}\ufffd`]) {
      expect(decode(encode(list({ text }))).payload).to.deep.equal({ text })
    }
  })

  it('is decoded or refused as such, whatever extensions its maker has', () => {
    const extensionCodec = new ExtensionCodec()
    extensionCodec.register({
      type: 1,
      encode: (value) => (value instanceof Map ? Uint8Array.of(1) : null),
      decode: () => null,
    })
    fc.assert(
      fc.property(fc.anything({ withMap: true, withNullPrototype: true }), (payload) => {
        let frame: Uint8Array
        try {
          frame = encode(list(payload), { extensionCodec, ignoreUndefined: true })
        } catch {
          return
        }
        try {
          decode(frame)
        } catch (error) {
          expect(error).to.be.instanceOf(DecodeError)
        }
      }),
      { numRuns: 500 },
    )
  })
})
