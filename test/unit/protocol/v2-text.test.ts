import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { Broadcast } from '../../../server/protocol/broadcast.ts'
import { DecodeError, EncodeError, type Frame, Head } from '../../../server/protocol/message.ts'
import { v2 } from '../../../server/protocol/v2.ts'
import {
  decodeServerFrame,
  encodeClientPush,
  Serializer,
  toArrayBuffer,
} from '../../support/client-codec.ts'
import { json, jsonObject, text, textMessage } from './arbitraries.ts'

const decode = (frame: string | Uint8Array) => v2.decode(toArrayBuffer(frame), false)

/** What both clients read, ours and phoenix.js: they must agree. */
function read(frame: Frame): unknown {
  const ours = decodeServerFrame('v2', frame)
  const { join_ref: joinRef, ...rest } = Serializer.decode(String(frame), (message) => message)
  expect({ joinRef, ...rest }).to.deep.equal(ours)
  return ours
}

const head = new Head('1', 'room:1')

/** What a text frame means, by JSON alone; undefined where it means nothing. */
function meaning(frame: string): unknown {
  try {
    const fields: unknown = JSON.parse(frame)
    if (!Array.isArray(fields) || fields.length < 5) return undefined
    const [joinRef, ref, topic, event, payload] = fields as unknown[]
    return { joinRef, ref, topic, event, payload }
  } catch {
    return undefined
  }
}

function decoded(frame: string): unknown {
  try {
    return decode(frame)
  } catch (error) {
    expect(error).to.be.instanceOf(DecodeError)
    return undefined
  }
}

/** Nearly what phoenix.js sends: its pieces, in any order and number, whole or cut. */
const nearlyPlain = fc
  .array(
    fc.constantFrom(
      ...['[', ']', '"', '"1"', '"room:1"', '"say"', ',', '","', ' ', '\\', '\\"', '\\u0041'],
      ...['{}', '{"a":"]"}', '{"a":[1,"\\n"]}', 'null', '12', '\n', '\u0000', 'é', '[]', '{', '}'],
    ),
    { maxLength: 16 },
  )
  .map((pieces) => pieces.join(''))

const plain = fc
  .tuple(
    text,
    text,
    text,
    text,
    json,
    fc.nat(),
    fc.constantFrom('', ' ', ',', ',1', '"', ']', '\\'),
  )
  .map(([joinRef, ref, topic, event, payload, at, noise]) => {
    const frame = JSON.stringify([joinRef, ref, topic, event, payload])
    const cut = at % (frame.length + 1)
    return frame.slice(0, cut) + noise + frame.slice(cut)
  })

describe('V2 text frames from a client', () => {
  it('are read as they were written, refs of any JSON type and any payload (C2.4, C2.10)', () => {
    fc.assert(
      fc.property(textMessage, (message) => {
        expect(decode(encodeClientPush('v2', message))).to.deep.equal(message)
      }),
    )
  })

  it('mean what JSON says that they mean, whatever stands in them', () => {
    const frames = fc.oneof(
      plain,
      nearlyPlain.map((inside) => `["1","2","t","e",${inside}]`),
      nearlyPlain.map((inside) => `["${inside}","2","t","e",{}]`),
      nearlyPlain,
    )
    fc.assert(
      fc.property(
        frames.filter((frame) => frame.isWellFormed()),
        (frame) => {
          expect(decoded(frame)).to.deep.equal(meaning(frame))
        },
      ),
      { numRuns: 5_000 },
    )
  })

  it('are read from phoenix.js', () => {
    const message = {
      join_ref: '3',
      ref: '5',
      topic: 'room:é',
      event: 'new',
      payload: { a: [null] },
    }
    const frame = Serializer.encode(message, String)
    expect(decode(frame)).to.deep.equal({
      joinRef: '3',
      ref: '5',
      topic: 'room:é',
      event: 'new',
      payload: { a: [null] },
    })
  })

  it('may have more than five elements: the rest is ignored (C2.5)', () => {
    expect(decode('["1","2","t","e",{},6,[7]]')).to.deep.equal(decode('["1","2","t","e",{}]'))
  })

  for (const [what, frame] of [
    ['four elements', '["1","1","t","e"]'],
    ['no elements', '[]'],
    ['an object', '{"topic":"t","event":"e","payload":{},"ref":"1"}'],
    ['an object that looks like an array', '{"0":1,"1":1,"2":"t","3":"e","4":{},"length":5}'],
    ['null', 'null'],
    ['a number', '5'],
    ['a string of five', '"12345"'],
    ['nothing', ''],
    ['broken JSON', '["1","1","t","e",{}'],
    ['something after the array', '["1","1","t","e",{}]x'],
    ['a byte order mark', '\ufeff["1","1","t","e",{}]'],
  ] as const) {
    it(`are refused with ${what} (C2.6, C2.7)`, () => {
      expect(() => decode(frame)).to.throw(DecodeError)
    })
  }

  it('are refused when cut anywhere', () => {
    const frame = Buffer.from('["1","2","room:é",{"e":[1]},{"a":"\\u00e9"}]')
    expect(() => decode(frame)).not.to.throw()
    for (let end = 0; end < frame.length; end++) {
      expect(() => decode(frame.subarray(0, end)), `${end} bytes`).to.throw(DecodeError)
    }
  })

  for (const [what, malformed] of [
    ['a stray byte', [0xff]],
    ['half a character', [0xc3]],
    ['an overlong form', [0xc0, 0xaf]],
    ['an encoded surrogate', [0xed, 0xa0, 0x80]],
  ] as const) {
    it(`are refused where ${what} breaks the UTF-8, and the next one is read`, () => {
      const broken = Buffer.concat([
        Buffer.from('["1","1","t","e","'),
        Buffer.from(malformed),
        Buffer.from('"]'),
      ])
      expect(() => decode(broken)).to.throw(DecodeError)
      expect(decode('["1","1","t","e","é"]')).to.include({ payload: 'é' })
    })
  }

  it('pollute no prototype with a __proto__ in them', () => {
    const { payload } = decode('["1","1","t","e",{"__proto__":{"polluted":true}}]')
    expect(Object.keys(payload as object)).to.deep.equal(['__proto__'])
    expect(payload).not.to.have.property('polluted')
    expect({}).not.to.have.property('polluted')
  })
})

describe('V2 text frames from the server', () => {
  it('are replies with both refs (C2.1)', () => {
    expect(v2.reply(head, '2', 'ok', { a: 1 })).to.equal(
      '["1","2","room:1","phx_reply",{"status":"ok","response":{"a":1}}]',
    )
  })

  it('are pushes with the join_ref and the ref given (C2.2)', () => {
    expect(v2.push(head, null, 'new', { a: 1 })).to.equal('["1",null,"room:1","new",{"a":1}]')
    expect(v2.push(head, '1', 'phx_close', {})).to.equal('["1","1","room:1","phx_close",{}]')
  })

  it('are broadcasts without refs, on the topic that the subscriber knows (C2.3)', () => {
    expect(v2.broadcast('room:1', new Broadcast('other', 'new', { a: 1 }))).to.equal(
      '[null,null,"room:1","new",{"a":1}]',
    )
  })

  it('echo refs with their JSON type (C2.4)', () => {
    const { joinRef, ref, topic } = decode('[{"a":1},1.5,null,"e",{}]')
    expect(v2.reply(new Head(joinRef, topic), ref, 'error', {})).to.equal(
      '[{"a":1},1.5,null,"phx_reply",{"status":"error","response":{}}]',
    )
  })

  it('carry a lone surrogate as a JSON escape', () => {
    const { ref, payload } = decode('["1","\\ud800","t","e",{"s":"\\udc00x"}]')
    const frame = v2.reply(head, ref, 'ok', payload)
    expect(frame).to.include('"\\ud800"').and.to.include('"\\udc00x"')
  })

  it('are replies with any JSON and any status (C2.11, C2.14)', () => {
    fc.assert(
      fc.property(json, json, json, text, json, (joinRef, ref, topic, status, response) => {
        expect(read(v2.reply(new Head(joinRef, topic), ref, status, response))).to.deep.equal({
          joinRef,
          ref,
          topic,
          event: 'phx_reply',
          payload: { status, response },
        })
      }),
    )
  })

  it('are pushes and broadcasts of any object', () => {
    fc.assert(
      fc.property(json, json, text, text, jsonObject, (joinRef, ref, topic, event, payload) => {
        const pushed = { joinRef, ref, topic, event, payload }
        expect(read(v2.push(new Head(joinRef, topic), ref, event, payload))).to.deep.equal(pushed)
        const broadcast = new Broadcast('elsewhere', event, payload)
        const unreferenced = { ...pushed, joinRef: null, ref: null }
        expect(read(v2.broadcast(topic, broadcast))).to.deep.equal(unreferenced)
      }),
    )
  })

  for (const payload of [null, true, 1, 'text', '{', [], [{}], new Date(0), undefined]) {
    it(`are no pushes or broadcasts of ${JSON.stringify(payload)} (C2.12, C2.13)`, () => {
      expect(() => v2.push(head, null, 'e', payload)).to.throw(EncodeError)
      expect(() => v2.broadcast('t', new Broadcast('t', 'e', payload))).to.throw(EncodeError)
    })
  }
})
