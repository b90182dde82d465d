import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { Broadcast } from '../../../server/protocol/broadcast.ts'
import { Bytes, EncodeError, type Frame, Head } from '../../../server/protocol/message.ts'
import { msgpack } from '../../../server/protocol/msgpack.ts'
import { v2 } from '../../../server/protocol/v2.ts'
import {
  decodeServerFrame,
  encodeClientPush,
  toArrayBuffer,
  type WireMessage,
} from '../../support/client-codec.ts'
import { binaryMessage, bytes, json, jsonObject, text, textMessage } from './arbitraries.ts'

const fromClient = (frame: Uint8Array | readonly number[]) =>
  msgpack.decode(toArrayBuffer(Uint8Array.from(frame)), true)
const push = (payload: unknown): WireMessage => ({
  joinRef: '1',
  ref: '2',
  topic: 't',
  event: 'e',
  payload,
})

/** MessagePack's text is UTF-8, which has no lone surrogates. */
const wellFormed = <T>(value: T): T =>
  JSON.parse(JSON.stringify(value).replaceAll(/\\ud[89a-f][\da-f]{2}/g, '\ufffd'))

/** The other implementation, with which the frames are made and read here, refuses it as a key. */
const readable = (value: unknown): boolean => !JSON.stringify(value).includes('"__proto__":')

const head = new Head('1', 'room:1')

/** What one client sees of a frame of V2, and another of the same packed. */
function expectSame(inV2: Frame, packed: Frame): void {
  expect(packed).to.be.instanceOf(Uint8Array)
  const seen = decodeServerFrame('msgpack', packed)
  expect(seen).to.deep.equal(wellFormed(decodeServerFrame('v2', inV2)))
}

describe('MessagePack from a client', () => {
  it('is to the server what the same message is in V2', () => {
    fc.assert(
      fc.property(textMessage.map(wellFormed), (message) => {
        const inV2 = v2.decode(toArrayBuffer(encodeClientPush('v2', message)), false)
        expect(fromClient(encodeClientPush('msgpack', message) as Uint8Array)).to.deep.equal(inV2)
      }),
      { numRuns: 300 },
    )
  })

  it('brings bytes as a binary frame of V2 does', () => {
    fc.assert(
      fc.property(binaryMessage, (message) => {
        const inV2 = v2.decode(toArrayBuffer(encodeClientPush('v2', message)), true)
        const packed = fromClient(encodeClientPush('msgpack', message) as Uint8Array)
        expect(packed).to.deep.equal(inV2)
        expect(packed.payload).to.be.instanceOf(Bytes)
      }),
    )
  })

  it('brings bytes that nobody else has', () => {
    const data = toArrayBuffer(encodeClientPush('msgpack', push(Uint8Array.of(1, 2))))
    const { payload } = msgpack.decode(data, true)
    new Uint8Array(data).fill(0)
    expect(payload).to.deep.equal(new Bytes([1, 2]))
  })

  it('may be a text frame, which is V2’s', () => {
    const data = toArrayBuffer(encodeClientPush('v2', push({ n: 1 })))
    expect(msgpack.decode(data, false)).to.deep.equal(push({ n: 1 }))
  })

  it('may be a binary frame of V2: phoenix.js sends bytes so by long-polling', () => {
    const data = toArrayBuffer(encodeClientPush('v2', push(Uint8Array.of(1, 2))))
    expect(msgpack.decode(data, true)).to.deep.equal(push(new Bytes([1, 2])))
  })

  it('may have more than five elements, as in V2', () => {
    expect(fromClient([0x96, 0xc0, 0xc0, 0xa1, 116, 0xa1, 101, 0x80, 0x01]).payload).to.deep.equal(
      {},
    )
  })

  it('may write a number in every way', () => {
    const forms: readonly (readonly [number, readonly number[]])[] = [
      [5, [0x05]],
      [5, [0xcc, 5]],
      [5, [0xcd, 0, 5]],
      [5, [0xce, 0, 0, 0, 5]],
      [5, [0xcf, 0, 0, 0, 0, 0, 0, 0, 5]],
      [-2, [0xfe]],
      [-2, [0xd0, 0xfe]],
      [-2, [0xd1, 0xff, 0xfe]],
      [-2, [0xd2, 0xff, 0xff, 0xff, 0xfe]],
      [-2, [0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe]],
      [1.5, [0xca, 0x3f, 0xc0, 0, 0]],
      [1.5, [0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]],
    ]
    for (const [number, form] of forms) {
      expect(fromClient([0x95, ...form, 0xc0, 0xa1, 116, 0xa1, 101, 0x80]).joinRef).to.equal(number)
    }
  })

  it('may have a 64-bit integer, which becomes the number that JSON makes of its digits', () => {
    const integers = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n })
    fc.assert(
      fc.property(integers, (integer) => {
        const form = Buffer.alloc(9, integer < 0n ? 0xd3 : 0xcf)
        if (integer < 0n) form.writeBigInt64BE(integer, 1)
        else form.writeBigUInt64BE(integer, 1)
        const { ref } = fromClient([0x95, 0xc0, ...form, 0xa1, 116, 0xa1, 101, 0x80])
        expect(ref).to.equal(JSON.parse(String(integer)))
      }),
    )
  })

  it('may name a key as it likes: none is a prototype', () => {
    const named = JSON.parse('{"__proto__":{"a":1},"constructor":1,"toJSON":2,"hasOwnProperty":3}')
    const { payload } = fromClient(encodeClientPush('msgpack', push(named)) as Uint8Array)
    expect(Object.getPrototypeOf(payload)).to.equal(Object.prototype)
    expect(JSON.stringify(payload)).to.equal(JSON.stringify(named))
    const answer = msgpack.reply(head, '2', 'ok', payload) as Uint8Array
    const { response } = fromClient(answer).payload as { readonly response: unknown }
    expect(JSON.stringify(response)).to.equal(JSON.stringify(named))
  })
})

describe('MessagePack to a client', () => {
  it('says of any payload what V2 says', () => {
    const name = text.filter(readable)
    fc.assert(
      fc.property(
        name,
        name,
        json.filter(readable),
        jsonObject.filter(readable),
        (a, b, any, map) => {
          const own = new Head(a, b)
          expectSame(v2.reply(own, a, b, any), msgpack.reply(own, a, b, any))
          expectSame(v2.push(own, null, a, map), msgpack.push(own, null, a, map))
          const broadcast = new Broadcast(a, b, map)
          expectSame(v2.broadcast(a, broadcast), msgpack.broadcast(a, broadcast))
        },
      ),
      { numRuns: 300 },
    )
  })

  it('says of what is no JSON value what JSON makes of it', () => {
    const odd = {
      date: new Date(0),
      missing: undefined,
      list: [undefined, () => 1, Symbol('s'), Number.NaN, Number.POSITIVE_INFINITY, -0],
      own: { toJSON: () => ({ own: true }) },
      map: new Map([[1, 2]]),
      error: new Error('e'),
      boxed: Object('text'),
      pattern: /a/,
      big: 2 ** 53,
      bytes: new Uint16Array([1, 2]),
    }
    expectSame(v2.reply(head, '2', 'ok', odd), msgpack.reply(head, '2', 'ok', odd))
    expectSame(v2.push(head, null, 'e', odd), msgpack.push(head, null, 'e', odd))
    const broadcast = new Broadcast('t', 'e', odd)
    expectSame(v2.broadcast('t', broadcast), msgpack.broadcast('t', broadcast))
  })

  it('brings bytes, also as the response of a reply', () => {
    fc.assert(
      fc.property(bytes, (payload) => {
        for (const each of [payload, Buffer.from(payload), new Bytes(payload)]) {
          expectBytes(v2.reply(head, '2', 'ok', each), msgpack.reply(head, '2', 'ok', each))
          expectBytes(v2.push(head, null, 'e', each), msgpack.push(head, null, 'e', each))
          const broadcast = new Broadcast('t', 'e', each)
          expectBytes(v2.broadcast('t', broadcast), msgpack.broadcast('t', broadcast))
        }
      }),
    )
  })

  it('replaces a lone surrogate, and no escape that only looks like one', () => {
    const payload = { '\ud800': 'a\udfff', text: '\\ud800 \\\\ud800 \ud83d\ude00' }
    const { payload: seen } = decodeServerFrame('msgpack', msgpack.push(head, null, 'e', payload))
    expect(seen).to.deep.equal({ '\ufffd': 'a\ufffd', text: payload.text })
  })

  it('refuses what V2 refuses: a push or broadcast of what is no map', () => {
    for (const payload of [null, 1, 'text', [1]]) {
      const broadcast = new Broadcast('t', 'e', payload)
      expect(() => msgpack.push(head, null, 'e', payload)).to.throw(EncodeError, /an object/)
      expect(() => msgpack.broadcast('t', broadcast)).to.throw(EncodeError, /an object/)
    }
  })

  // One subscriber must not stop a broadcast to the others.
  it('is the text frame of V2 where a payload nests too deep for msgpackr', () => {
    const depth = 200_000
    const json = `{"deep":${'['.repeat(depth)}${']'.repeat(depth)}}`
    const broadcast = Broadcast.encoded('t', 'e', json)
    expect(msgpack.broadcast('t', broadcast)).to.equal(v2.broadcast('t', broadcast))
  })

  it('says the same in either form where only JSON.stringify goes so deep, or both', () => {
    const payload = { deep: JSON.parse(`${'['.repeat(1_500)}${']'.repeat(1_500)}`) }
    for (const [inV2, frame] of [
      [v2.reply(head, '2', 'ok', payload), msgpack.reply(head, '2', 'ok', payload)],
      [v2.push(head, null, 'e', payload), msgpack.push(head, null, 'e', payload)],
    ] as const) {
      const seen = decodeServerFrame('msgpack', frame)
      expect(JSON.stringify(seen)).to.equal(JSON.stringify(decodeServerFrame('v2', inV2)))
    }
  })

  it('packs the payload of a broadcast once, whatever topics its subscribers know', () => {
    const payload = { n: 1 }
    const broadcast = new Broadcast('room:1', 'new', payload)
    const frames = ['room:1', 'a', 'b'].map((topic) => {
      const frame = msgpack.broadcast(topic, broadcast)
      payload.n += 1
      return decodeServerFrame('msgpack', frame)
    })
    expect(frames.map((frame) => frame.topic)).to.deep.equal(['room:1', 'a', 'b'])
    expect(frames.map((frame) => frame.payload)).to.deep.equal(Array(3).fill({ n: 1 }))
  })

  it('brings a broadcast that came as JSON from another node', () => {
    const broadcast = Broadcast.encoded('room:1', 'new', '{ "a": [1e0, "\\ud800"] }')
    const frame = decodeServerFrame('msgpack', msgpack.broadcast('room:1', broadcast))
    expect(frame.payload).to.deep.equal({ a: [1, '\ufffd'] })
  })

  it('hands on what is no JSON after all as V2 does: another node is believed', () => {
    const broadcast = Broadcast.encoded('room:1', 'new', '{ "a": not yet read')
    expect(msgpack.broadcast('room:1', broadcast)).to.equal(v2.broadcast('room:1', broadcast))
  })
})

/** Bytes are compared as lists: what is read is of another class in each form. */
function expectBytes(inV2: Frame, packed: Frame): void {
  const listed = ({ payload, ...rest }: WireMessage) => {
    if (payload instanceof Uint8Array) return { ...rest, payload: [...payload] }
    const { status, response } = payload as { status: string; response: Uint8Array }
    return { ...rest, payload: { status, response: [...response] } }
  }
  const seen = decodeServerFrame('msgpack', packed)
  expect(listed(seen)).to.deep.equal(listed(decodeServerFrame('v2', inV2)))
}
