import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { Broadcast } from '../../../server/protocol/broadcast.ts'
import { Bytes, EncodeError } from '../../../server/protocol/message.ts'
import { decodeEnvelope, encodeEnvelope } from '../../../server/pubsub/envelope.ts'
import { bytes, json, text } from '../protocol/arbitraries.ts'

const SAMPLE = encodeEnvelope({
  sender: 'node-1',
  broadcast: new Broadcast('room:1', 'new_msg', { body: 'hi' }),
})

/** What a receiving node sees of an envelope. */
function read(data: Buffer) {
  const envelope = decodeEnvelope(data)
  if (!envelope) return undefined
  const { sender, broadcast } = envelope
  const { topic, event } = broadcast
  const payload = broadcast.bytes ? [...broadcast.bytes] : broadcast.json
  return { sender, topic, event, payload }
}

describe('the envelope between nodes', () => {
  it('brings any JSON payload as the very text it was encoded to, under any topic and event', () => {
    fc.assert(
      fc.property(text, text, json, (topic, event, payload) => {
        const broadcast = new Broadcast(topic, event, payload)
        const received = read(encodeEnvelope({ sender: 'node-1', broadcast }))
        expect(received).to.deep.equal({ sender: 'node-1', topic, event, payload: broadcast.json })
      }),
    )
  })

  it('brings a binary payload byte for byte', () => {
    fc.assert(
      fc.property(bytes, (payload) => {
        const broadcast = new Broadcast('t', 'e', payload)
        const received = read(encodeEnvelope({ sender: 'node-1', broadcast }))
        expect(received?.payload).to.deep.equal([...payload])
      }),
    )
  })

  // They refuse to stand in JSON, and the packer once asked them for it.
  it('brings the bytes of a client that a channel hands on', () => {
    const broadcast = new Broadcast('t', 'e', new Bytes([1, 2]))
    expect(read(encodeEnvelope({ sender: 'n', broadcast }))?.payload).to.deep.equal([1, 2])
  })

  it('keeps an empty binary payload binary', () => {
    const broadcast = new Broadcast('t', 'e', new Uint8Array())
    expect(read(encodeEnvelope({ sender: 'n', broadcast }))?.payload).to.deep.equal([])
  })

  it('does not change when the sender goes on using its bytes', () => {
    const payload = new Uint8Array([1, 2, 3])
    const data = encodeEnvelope({ sender: 'n', broadcast: new Broadcast('t', 'e', payload) })
    payload.fill(9)
    expect(read(data)?.payload).to.deep.equal([1, 2, 3])
  })

  it('refuses to encode a payload that has no JSON', () => {
    const broadcast = new Broadcast('t', 'e', { n: 1n })
    expect(() => encodeEnvelope({ sender: 'n', broadcast })).to.throw(EncodeError)
  })

  it('is nothing to a node when any bytes come', () => {
    const any = fc.uint8Array({ maxLength: 200 }).map((data) => Buffer.from(data))
    fc.assert(
      fc.property(any, (data) => {
        expect(decodeEnvelope(data)).to.equal(undefined)
      }),
    )
  })

  it('is nothing to a node, or whole, whatever its bytes were turned into', () => {
    const at = fc.nat(SAMPLE.length - 1)
    const spoilt = fc.array(fc.tuple(at, fc.nat(255)), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(spoilt, (changes) => {
        const data = Buffer.from(SAMPLE)
        for (const [index, byte] of changes) data[index] = byte
        const received = read(data)
        if (received) expect(Object.values(received)).not.to.include(undefined)
      }),
      { numRuns: 5000 },
    )
  })

  it('is nothing to a node when a part of it is missing, or something follows', () => {
    for (let length = 0; length < SAMPLE.length; length++) {
      expect(decodeEnvelope(SAMPLE.subarray(0, length)), `${length} bytes`).to.equal(undefined)
    }
    expect(decodeEnvelope(Buffer.concat([SAMPLE, Buffer.from([0])]))).to.equal(undefined)
  })

  it('is nothing to a node when it is of another version', () => {
    for (const version of [0, 2, 0x7f, 0xc0]) {
      const data = Buffer.from(SAMPLE)
      data[1] = version
      expect(decodeEnvelope(data), `version ${version}`).to.equal(undefined)
    }
  })

  it('is nothing to a node when its payload is of a kind that is not known', () => {
    const kindAt = SAMPLE.indexOf('node-1') + 'node-1'.length
    const data = Buffer.from(SAMPLE)
    expect(data[kindAt]).to.equal(0)
    data[kindAt] = 2
    expect(decodeEnvelope(data)).to.equal(undefined)
  })

  const hostile: readonly (readonly [string, string])[] = [
    ['a list of four thousand million', 'dd ffffffff'],
    ['a map of four thousand million', 'df ffffffff'],
    ['bytes that are not there', 'c6 ffffffff'],
    ['text that is not there', 'db ffffffff'],
    ['a list in a list, 100,000 deep', '91'.repeat(100_000)],
    ['a record that names __proto__', 'd4 72 40 91 a9 5f5f70726f746f5f5f 81 a1 61 01'],
    ['a regular expression', 'c7 0a 78 92 a6 2861 2b29 2b24 a0'],
    ['a reference to itself', 'd6 69 00000000 91 d6 70 00000000'],
  ]
  for (const [what, hex] of hostile) {
    it(`is nothing to a node when its payload is ${what}`, () => {
      const payload = Buffer.from(hex.replaceAll(' ', ''), 'hex')
      const data = Buffer.concat([SAMPLE.subarray(0, SAMPLE.indexOf('{') - 2), payload])
      expect(decodeEnvelope(data)).to.equal(undefined)
      expect({}).not.to.have.property('a')
    })
  }
})
