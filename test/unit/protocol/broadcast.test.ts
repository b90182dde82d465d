import { expect } from 'chai'
import { describe, it } from 'mocha'
import { Broadcast } from '../../../server/protocol/broadcast.ts'
import { Bytes, EncodeError } from '../../../server/protocol/message.ts'
import { v1 } from '../../../server/protocol/v1.ts'
import { v2 } from '../../../server/protocol/v2.ts'

/** A payload that counts how often it is encoded. */
function countingPayload() {
  const counting = {
    encodings: 0,
    toJSON() {
      counting.encodings += 1
      return { n: counting.encodings }
    },
  }
  return counting
}

describe('a broadcast', () => {
  it('encodes its payload once for all serializers and receivers (C2.24)', () => {
    const payload = countingPayload()
    const broadcast = new Broadcast('room:1', 'new', payload)
    for (const topic of ['room:1', 'room:2', 'room:3']) {
      expect(v1.broadcast(topic, broadcast)).to.equal(
        `{"topic":"${topic}","event":"new","payload":{"n":1},"ref":null}`,
      )
      expect(v2.broadcast(topic, broadcast)).to.equal(`[null,null,"${topic}","new",{"n":1}]`)
      expect(broadcast.copyPayload()).to.deep.equal({ n: 1 })
    }
    expect(payload.encodings).to.equal(1)
  })

  it('encodes nothing before somebody asks', () => {
    const payload = countingPayload()
    const broadcast = new Broadcast('room:1', 'new', payload)
    expect(broadcast.bytes).to.equal(undefined)
    expect(payload.encodings).to.equal(0)
  })

  it('hands on the very text that it arrived with, and does not look into it', () => {
    const text = '{ "a": 1e0, not yet read'
    const broadcast = Broadcast.encoded('room:1', 'new', text)
    expect(broadcast.json).to.equal(text)
    expect(v2.broadcast('room:1', broadcast)).to.equal(`[null,null,"room:1","new",${text}]`)
  })

  it('gives each receiver of encoded text its own value', () => {
    const broadcast = Broadcast.encoded('room:1', 'new', '{"a":[1]}')
    expect(broadcast.copyPayload()).to.deep.equal({ a: [1] })
    expect(broadcast.copyPayload()).not.to.equal(broadcast.copyPayload())
  })

  it('refuses encoded text that is no object in V2, as with any payload', () => {
    expect(() => v2.broadcast('t', Broadcast.encoded('t', 'e', '[1]'))).to.throw(EncodeError)
  })

  it('gives each receiver a payload that it can change unseen (C3.69)', () => {
    const sent = { list: [1] }
    const broadcast = new Broadcast('room:1', 'new', sent)
    const copy = broadcast.copyPayload() as typeof sent
    copy.list.push(2)
    expect(sent).to.deep.equal({ list: [1] })
    expect(broadcast.copyPayload()).to.deep.equal({ list: [1] })
    expect(v2.broadcast('t', broadcast)).to.equal('[null,null,"t","new",{"list":[1]}]')
  })

  // `slice` of a Buffer is a view of the same memory, that of any other Uint8Array is a copy.
  for (const sent of [Uint8Array.of(1, 2), Buffer.of(1, 2), new Bytes([1, 2])]) {
    it(`gives each receiver bytes that it can change unseen: of a ${sent.constructor.name}`, () => {
      const broadcast = new Broadcast('room:1', 'new', sent)
      const copy = broadcast.copyPayload() as Uint8Array
      copy.fill(0)
      expect(sent).to.deep.equal(Uint8Array.of(1, 2))
      expect(broadcast.copyPayload()).to.deep.equal(Uint8Array.of(1, 2))
    })
  }

  it('gives bytes that crash a handler which nests them in JSON, wherever they came from', () => {
    const copy = new Broadcast('room:1', 'new', Uint8Array.of(1)).copyPayload()
    expect(() => JSON.stringify({ nested: copy })).to.throw(EncodeError)
  })

  it('of bytes reaches V2 subscribers; V1 has no form for it', () => {
    const broadcast = new Broadcast('t', 'e', Uint8Array.of(9))
    expect(broadcast.bytes).to.deep.equal(Uint8Array.of(9))
    expect(v2.broadcast('t', broadcast)).to.deep.equal(Buffer.from('\x02\x01\x01te\x09'))
    expect(() => v1.broadcast('t', broadcast)).to.throw(EncodeError)
  })

  it('without a JSON form throws for whoever looks', () => {
    const broadcast = new Broadcast('t', 'e', () => 1)
    expect(() => broadcast.json).to.throw(EncodeError)
    expect(() => broadcast.copyPayload()).to.throw(EncodeError)
  })
})
