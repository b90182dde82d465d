import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { Broadcast } from '../../../server/protocol/broadcast.ts'
import {
  Bytes,
  DecodeError,
  EncodeError,
  type Frame,
  Head,
} from '../../../server/protocol/message.ts'
import { KIND, v2 } from '../../../server/protocol/v2.ts'
import {
  decodeServerFrame,
  encodeClientPush,
  Serializer,
  toArrayBuffer,
} from '../../support/client-codec.ts'
import { binaryMessage, bytes, field } from './arbitraries.ts'

const decode = (frame: string | Uint8Array) => v2.decode(toArrayBuffer(frame), true)

/** A frame from its parts: text is UTF-8. */
const frameOf = (...parts: readonly (string | readonly number[])[]) =>
  Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Uint8Array.from(part))),
  )

/** What phoenix.js reads, its ArrayBuffers as bytes. */
function readInPhoenix(frame: Frame) {
  const message = Serializer.decode(toArrayBuffer(frame), (decoded) => decoded)
  const { join_ref: joinRef, ref, topic, event, payload } = message
  if (payload instanceof ArrayBuffer) {
    return { joinRef, ref, topic, event, payload: new Uint8Array(payload) }
  }
  const { status, response } = payload as { status: string; response: ArrayBuffer }
  return { joinRef, ref, topic, event, payload: { status, response: new Uint8Array(response) } }
}

/** What both clients read: they must agree, but phoenix.js skips a byte order mark. */
function read(frame: Frame): unknown {
  const ours = decodeServerFrame('v2', frame)
  if (!Buffer.from(frame).includes('\ufeff')) expect(readInPhoenix(frame)).to.deep.equal(ours)
  return ours
}

/** The bytes that a client finds in a frame of any kind. */
function bytesOf(frame: Frame): Uint8Array {
  const { payload } = decodeServerFrame('v2', frame)
  return payload instanceof Uint8Array ? payload : (payload as { response: Uint8Array }).response
}

const head = new Head('1', 'room:1')
const payload = Uint8Array.of(1, 2, 3)

describe('V2 binary frames from a client', () => {
  it('are pushes with four fields and bytes (C2.25)', () => {
    const frame = frameOf([0, 1, 1, 6, 3], '35room:1bin', [1, 2, 3])
    expect(decode(frame)).to.deep.equal({
      joinRef: '3',
      ref: '5',
      topic: 'room:1',
      event: 'bin',
      payload,
    })
  })

  it('are read as they were written', () => {
    fc.assert(
      fc.property(binaryMessage, (message) => {
        expect(decode(encodeClientPush('v2', message))).to.deep.equal(message)
      }),
    )
  })

  it('are read from phoenix.js', () => {
    fc.assert(
      fc.property(field, field, field, field, bytes, (joinRef, ref, topic, event, sent) => {
        const message = { join_ref: joinRef, ref, topic, event, payload: toArrayBuffer(sent) }
        const frame = Serializer.encode(message, (encoded) => encoded as ArrayBuffer)
        expect(v2.decode(frame, true)).to.deep.equal({ joinRef, ref, topic, event, payload: sent })
      }),
    )
  })

  it('have an empty string, not null, for a field of no bytes (C2.34)', () => {
    expect(decode(frameOf([0, 0, 0, 0, 0]))).to.deep.equal({
      joinRef: '',
      ref: '',
      topic: '',
      event: '',
      payload: new Uint8Array(),
    })
  })

  for (const kind of [KIND.reply, KIND.broadcast, 3, 7, 255]) {
    it(`are refused with kind ${kind} (C2.32)`, () => {
      expect(() => decode(frameOf([kind, 1, 1, 1, 1], '12te'))).to.throw(DecodeError)
    })
  }

  it('are refused when cut before the payload; a cut payload is a shorter one (C2.33)', () => {
    const fields = frameOf([0, 1, 2, 7, 3], '1', '12', 'room:é', 'bin')
    const frame = Buffer.concat([fields, payload])
    for (let end = 0; end < fields.length; end++) {
      expect(() => decode(frame.subarray(0, end)), `${end} bytes`).to.throw(DecodeError)
    }
    for (let end = fields.length; end <= frame.length; end++) {
      expect(decode(frame.subarray(0, end)).payload).to.deep.equal(
        payload.slice(0, end - fields.length),
      )
    }
  })

  for (const position of [0, 1, 2, 3]) {
    it(`are refused when field ${position} is not UTF-8, and the next one is read`, () => {
      const broken = frameOf([0, 1, 1, 1, 1], 'abcd')
      broken[5 + position] = 0xff
      expect(() => decode(broken)).to.throw(DecodeError)
      expect(decode(frameOf([0, 1, 1, 1, 1], 'abcd'))).to.include({ topic: 'c', event: 'd' })
    })
  }

  it('give bytes that stay when the buffer is used again', () => {
    fc.assert(
      fc.property(binaryMessage, (message) => {
        const buffer = toArrayBuffer(encodeClientPush('v2', message))
        const decoded = v2.decode(buffer, true)
        new Uint8Array(buffer).fill(0xee)
        expect(decoded).to.deep.equal(message)
      }),
    )
  })

  it('give bytes that hold on to nothing but themselves', () => {
    const { payload: given } = decode(frameOf([0, 1, 1, 6, 3], '35room:1bin', [1, 2, 3]))
    expect(given).to.be.instanceOf(Bytes)
    expect((given as Bytes).buffer.byteLength).to.equal(3)
  })
})

describe('V2 binary frames from the server', () => {
  it('are replies of kind 1, with the status as last field (C2.27)', () => {
    const frame = v2.reply(new Head('1', 'room:b'), '2', 'ok', Uint8Array.of(0xaa, 1))
    expect(frame).to.deep.equal(frameOf([1, 1, 1, 6, 2], '12room:bok', [0xaa, 1]))
  })

  it('are pushes of kind 0, without a ref (C2.26)', () => {
    const frame = v2.push(new Head('1', 'room:n'), null, 'pushed_bin', payload)
    expect(frame).to.deep.equal(frameOf([0, 1, 6, 10], '1room:npushed_bin', [1, 2, 3]))
  })

  it('are broadcasts of kind 2, on the topic that the subscriber knows (C2.28)', () => {
    const broadcast = new Broadcast('other', 'bcb', Uint8Array.of(5, 6))
    const frame = v2.broadcast('room:d', broadcast)
    expect(frame).to.deep.equal(frameOf([2, 6, 3], 'room:dbcb', [5, 6]))
  })

  it('have null refs as zero bytes (C2.41)', () => {
    const to = new Head(null, 't')
    expect(v2.reply(to, null, 'ok', payload)).to.deep.equal(
      frameOf([1, 0, 0, 1, 2], 'tok', [1, 2, 3]),
    )
    expect(v2.push(to, null, 'e', payload)).to.deep.equal(frameOf([0, 0, 1, 1], 'te', [1, 2, 3]))
  })

  it('have refs that are numbers or booleans as text', () => {
    expect(v2.reply(new Head(1, 't'), 2.5, 'ok', payload)).to.deep.equal(
      frameOf([1, 1, 3, 1, 2], '12.5tok', [1, 2, 3]),
    )
    expect(v2.push(new Head(true, 't'), null, 'e', payload)).to.deep.equal(
      frameOf([0, 4, 1, 1], 'truete', [1, 2, 3]),
    )
  })

  // A client chooses its refs: the second one has no primitive form, the third one overflows the stack.
  for (const [what, ref] of [
    ['a list', '[1]'],
    ['an object without a string form', '{"toString":1,"valueOf":1}'],
    ['a list nested deep', `${'['.repeat(50_000)}${']'.repeat(50_000)}`],
  ] as const) {
    it(`cannot carry ${what} as a ref`, () => {
      expect(() => v2.reply(head, JSON.parse(ref), 'ok', payload)).to.throw(EncodeError)
    })
  }

  it('say to the client what the server said, and to phoenix.js too (C2.39)', () => {
    fc.assert(
      fc.property(field, field, field, field, bytes, (joinRef, ref, topic, name, sent) => {
        const to = new Head(joinRef, topic)
        expect(read(v2.reply(to, ref, name, sent))).to.deep.equal({
          joinRef,
          ref,
          topic,
          event: 'phx_reply',
          payload: { status: name, response: sent },
        })
        const pushed = { joinRef, ref: null, topic, event: name, payload: sent }
        expect(read(v2.push(to, ref, name, sent))).to.deep.equal(pushed)
        const broadcast = new Broadcast('elsewhere', name, sent)
        expect(read(v2.broadcast(topic, broadcast))).to.deep.equal({ ...pushed, joinRef: null })
      }),
    )
  })

  for (const size of [0, 1, 125, 126, 65_535, 65_536, 1 << 20]) {
    it(`carry ${size} bytes back unaltered (C2.31, C2.40)`, () => {
      const sent = Uint8Array.from({ length: size }, (_, index) => index % 251)
      const message = { joinRef: '1', ref: '2', topic: 'room:1', event: 'echo', payload: sent }
      const received = decode(encodeClientPush('v2', message)).payload
      const kinds = [
        v2.reply(head, '2', 'ok', received),
        v2.push(head, null, 'echo', received),
        v2.broadcast('room:1', new Broadcast('room:1', 'echo', received)),
      ]
      for (const frame of kinds) {
        expect(Buffer.compare(bytesOf(frame), sent)).to.equal(0)
      }
    })
  }

  it('are copies: a payload that changes later changes no frame', () => {
    const changing = Uint8Array.of(1, 2, 3)
    const frame = v2.push(head, null, 'e', changing)
    changing.fill(0)
    expect(decodeServerFrame('v2', frame).payload).to.deep.equal(payload)
  })
})

describe('a field of a V2 binary frame', () => {
  const encoders: Record<string, (value: string) => Frame> = {
    'join_ref of a reply': (value) => v2.reply(new Head(value, 't'), '1', 'ok', payload),
    'ref of a reply': (value) => v2.reply(head, value, 'ok', payload),
    'topic of a reply': (value) => v2.reply(new Head('1', value), '1', 'ok', payload),
    'status of a reply': (value) => v2.reply(head, '1', value, payload),
    'join_ref of a push': (value) => v2.push(new Head(value, 't'), null, 'e', payload),
    'topic of a push': (value) => v2.push(new Head('1', value), null, 'e', payload),
    'event of a push': (value) => v2.push(head, null, value, payload),
    'topic of a broadcast': (value) => v2.broadcast(value, new Broadcast('t', 'e', payload)),
    'event of a broadcast': (value) => v2.broadcast('t', new Broadcast('t', value, payload)),
  }

  for (const [name, encode] of Object.entries(encoders)) {
    it(`has at most 255 bytes, counted as UTF-8: the ${name} (C2.29, C2.30)`, () => {
      for (const longest of ['x'.repeat(255), `${'é'.repeat(127)}x`, '€'.repeat(85)]) {
        expect(JSON.stringify(decodeServerFrame('v2', encode(longest)))).to.include(longest)
      }
      expect(() => encode('x'.repeat(256))).to.throw(EncodeError, '256 bytes')
      expect(() => encode('é'.repeat(128))).to.throw(EncodeError, '256 bytes')
    })
  }

  it('may be 255 bytes in each field a client sends', () => {
    for (const longest of ['x'.repeat(255), `${'é'.repeat(127)}x`]) {
      const message = { joinRef: longest, ref: longest, topic: longest, event: longest, payload }
      expect(decode(encodeClientPush('v2', message))).to.deep.equal(message)
    }
  })

  it('counts bytes, not characters', () => {
    expect(v2.push(new Head('1', 'room:café'), null, 'e', payload)[2]).to.equal(10)
  })
})
