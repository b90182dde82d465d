import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { Broadcast } from '../../../server/protocol/broadcast.ts'
import { DecodeError, EncodeError, Head } from '../../../server/protocol/message.ts'
import { v1 } from '../../../server/protocol/v1.ts'
import { decodeServerFrame, encodeClientPush, toArrayBuffer } from '../../support/client-codec.ts'
import { json, text, textMessage } from './arbitraries.ts'

const decode = (frame: string | Uint8Array, isBinary = false) =>
  v1.decode(toArrayBuffer(frame), isBinary)

const head = new Head('1', 'room:1')

describe('V1 frames from a client', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(textMessage, (message) => {
        expect(decode(encodeClientPush('v1', message))).to.deep.equal(message)
      }),
    )
  })

  it('may be JSON text in a binary frame (C2.19)', () => {
    const frame = '{"topic":"t","event":"e","payload":{},"ref":"2","join_ref":"1"}'
    expect(decode(frame, true)).to.deep.equal(decode(frame, false))
  })

  it('may leave out join_ref and ref, which are null then', () => {
    expect(decode('{"topic":"t","event":"e","payload":[1]}')).to.deep.equal({
      joinRef: null,
      ref: null,
      topic: 't',
      event: 'e',
      payload: [1],
    })
  })

  it('may carry keys that the protocol does not know', () => {
    const message = decode('{"topic":"t","event":"e","payload":{},"ref":"1","more":true}')
    expect(message).to.have.all.keys('joinRef', 'ref', 'topic', 'event', 'payload')
  })

  it('keep null where it was sent', () => {
    const message = decode('{"topic":null,"event":null,"payload":null,"ref":null}')
    expect(Object.values(message)).to.deep.equal([null, null, null, null, null])
  })

  for (const [what, frame] of [
    ['no topic (C2.17)', '{"event":"e","payload":{},"ref":"1"}'],
    ['no event (C2.17)', '{"topic":"t","payload":{},"ref":"1"}'],
    ['no payload (C2.17)', '{"topic":"t","event":"e","ref":"1"}'],
    ['an array (C2.18)', '["1","1","t","e",{}]'],
    ['null', 'null'],
    ['a number', '1'],
    ['a string', '"topic"'],
    ['nothing', ''],
    ['broken JSON', '{"topic":"t"'],
    ['a byte order mark', '\ufeff{"topic":"t","event":"e","payload":{},"ref":"1"}'],
  ] as const) {
    it(`are refused with ${what}`, () => {
      expect(() => decode(frame)).to.throw(DecodeError)
    })
  }

  it('are refused where they are not UTF-8', () => {
    const valid = Buffer.from('{"topic":"?","event":"e","payload":{}}')
    expect(() => decode(valid)).not.to.throw()
    valid[valid.indexOf('?')] = 0xff
    expect(() => decode(valid)).to.throw(DecodeError)
  })

  it('inherit nothing from a __proto__ in them', () => {
    const inherited = '{"topic":"t","event":"e","payload":{},"ref":"9","join_ref":"9"}'
    expect(() => decode(`{"__proto__":${inherited}}`)).to.throw(DecodeError)
    const message = decode(`{"topic":"t","event":"e","payload":{},"__proto__":${inherited}}`)
    expect(message).to.include({ ref: null, joinRef: null })
    expect({}).not.to.have.property('topic')
  })
})

describe('V1 frames from the server', () => {
  it('are replies with status and response, and no join_ref (C2.16, C2.20)', () => {
    expect(JSON.parse(String(v1.reply(head, '2', 'ok', { a: 1 })))).to.deep.equal({
      topic: 'room:1',
      event: 'phx_reply',
      payload: { status: 'ok', response: { a: 1 } },
      ref: '2',
    })
  })

  it('are pushes whose ref is the one given (C2.22)', () => {
    expect(v1.push(head, null, 'new', { a: 1 })).to.equal(
      '{"topic":"room:1","event":"new","payload":{"a":1},"ref":null}',
    )
    expect(v1.push(head, '1', 'phx_close', {})).to.equal(
      '{"topic":"room:1","event":"phx_close","payload":{},"ref":"1"}',
    )
  })

  it('are broadcasts without a ref', () => {
    expect(v1.broadcast('room:1', new Broadcast('other', 'new', { a: 1 }))).to.equal(
      '{"topic":"room:1","event":"new","payload":{"a":1},"ref":null}',
    )
  })

  it('say to the client what the server said, whatever JSON that was (C2.21)', () => {
    fc.assert(
      fc.property(json, text, text, json, (ref, topic, name, payload) => {
        const to = new Head(null, topic)
        const read = (frame: string | Uint8Array) => decodeServerFrame('v1', frame)
        expect(read(v1.reply(to, ref, name, payload))).to.deep.equal({
          joinRef: null,
          ref,
          topic,
          event: 'phx_reply',
          payload: { status: name, response: payload },
        })
        const pushed = { joinRef: null, ref, topic, event: name, payload }
        expect(read(v1.push(to, ref, name, payload))).to.deep.equal(pushed)
        const broadcast = new Broadcast('elsewhere', name, payload)
        expect(read(v1.broadcast(topic, broadcast))).to.deep.equal({ ...pushed, ref: null })
      }),
    )
  })

  it('never carry bytes (C2.23)', () => {
    const payload = Uint8Array.of(1)
    expect(() => v1.reply(head, '1', 'ok', payload)).to.throw(EncodeError)
    expect(() => v1.push(head, null, 'e', payload)).to.throw(EncodeError)
    expect(() => v1.broadcast('t', new Broadcast('t', 'e', payload))).to.throw(EncodeError)
  })
})
