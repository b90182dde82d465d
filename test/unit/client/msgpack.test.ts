/** What an app sees with client/msgpack is what it sees with phoenix.js's own serializer. */
import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { msgpack as client, type PhoenixMessage } from '../../../client/msgpack.ts'
import { Broadcast } from '../../../server/protocol/broadcast.ts'
import { type Frame, Head, type Message } from '../../../server/protocol/message.ts'
import { msgpack } from '../../../server/protocol/msgpack.ts'
import { v2 } from '../../../server/protocol/v2.ts'
import { Serializer, toArrayBuffer } from '../../support/client-codec.ts'
import { bytes, field, jsonObject } from '../protocol/arbitraries.ts'

const message = (payload: unknown): PhoenixMessage & { readonly join_ref: string } => ({
  join_ref: '1',
  ref: '2',
  topic: 'room:1',
  event: 'new',
  payload,
})

/** What reaches the server of a message, sent with client/msgpack and with phoenix.js's serializer. */
function sent(what: PhoenixMessage): { readonly packed: Message; readonly inV2: Message } {
  let packed: Uint8Array = new Uint8Array()
  client.encode(what, (frame) => {
    packed = frame
  })
  const own = Serializer.encode(what as never, (frame) => frame)
  const isBinary = typeof own !== 'string'
  return {
    packed: msgpack.decode(toArrayBuffer(packed), true),
    inV2: v2.decode(isBinary ? own : toArrayBuffer(own), isBinary),
  }
}

/** What phoenix.js gets of a frame of the server. */
function received(frame: Frame): PhoenixMessage {
  let result: PhoenixMessage | undefined
  client.decode(typeof frame === 'string' ? frame : toArrayBuffer(frame), (decoded) => {
    result = decoded
  })
  if (!result) throw new Error('the callback was not called')
  return result
}

const receivedInV2 = (frame: Frame) =>
  Serializer.decode(typeof frame === 'string' ? frame : toArrayBuffer(frame), (decoded) => decoded)

/** msgpackr renames this key, of which only other implementations' users could send one. */
const usable = jsonObject.filter((value) => !JSON.stringify(value).includes('"__proto__":'))
const wellFormed = usable.filter((value) => !JSON.stringify(value).includes('\\ud'))

describe('client/msgpack', () => {
  it('asks for MessagePack as a build of V2', () => {
    expect(client.vsn).to.equal('2.0.0+msgpack')
  })

  it('sends what phoenix.js sends: any JSON', () => {
    fc.assert(
      fc.property(field, wellFormed, (name, payload) => {
        const { packed, inV2 } = sent({ ...message(payload), topic: name, event: name })
        expect(packed).to.deep.equal(inV2)
      }),
    )
  })

  it('sends what phoenix.js sends: what JSON makes of other values', () => {
    const odd = { at: new Date(0), gone: undefined, list: [undefined, Number.NaN], one: new Map() }
    for (const payload of [odd, [odd], 'text', 1, false, Uint8Array.of(1), () => 1]) {
      const { packed, inV2 } = sent(message(payload))
      expect(packed).to.deep.equal(inV2)
    }
  })

  it('sends what phoenix.js sends: bytes', () => {
    fc.assert(
      fc.property(bytes, (payload) => {
        const { packed, inV2 } = sent(message(toArrayBuffer(payload)))
        expect(packed).to.deep.equal(inV2)
      }),
    )
  })

  it('sends null for a ref that a message does not have, as a heartbeat', () => {
    const { packed } = sent({ topic: 'phoenix', event: 'heartbeat', payload: {}, ref: '3' })
    expect(packed).to.include({ joinRef: null, ref: '3', topic: 'phoenix', event: 'heartbeat' })
  })

  it('sends a lone surrogate as the replacement character', () => {
    expect(sent(message({ text: 'a\ud800' })).packed.payload).to.deep.equal({ text: 'a\ufffd' })
  })

  it('throws for a payload without a JSON form, as phoenix.js does', () => {
    expect(() => client.encode(message({ n: 1n }), () => undefined)).to.throw(TypeError)
    expect(() => Serializer.encode(message({ n: 1n }) as never, () => undefined)).to.throw(
      TypeError,
    )
  })

  it('gives the app what phoenix.js gives it: JSON, and bytes as an ArrayBuffer', () => {
    const head = new Head('1', 'room:1')
    const payloads = fc.oneof(wellFormed, bytes)
    fc.assert(
      fc.property(payloads, (payload) => {
        const broadcast = new Broadcast('room:1', 'new', payload)
        expect(received(msgpack.push(head, null, 'new', payload))).to.deep.equal(
          receivedInV2(v2.push(head, null, 'new', payload)),
        )
        expect(received(msgpack.broadcast('room:1', broadcast))).to.deep.equal(
          receivedInV2(v2.broadcast('room:1', broadcast)),
        )
        expect(received(msgpack.reply(head, '2', 'ok', payload))).to.deep.equal(
          receivedInV2(v2.reply(head, '2', 'ok', payload)),
        )
      }),
    )
  })

  it('gives the app what phoenix.js gives it: text frames, which a server may send too', () => {
    const text = v2.reply(new Head('1', 'room:1'), '2', 'ok', { n: 1 })
    expect(received(text)).to.deep.equal(receivedInV2(text))
  })
})
