/** Whatever comes in from a client or a channel's author, a codec fails in the one way it promises. */
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
  toJson,
} from '../../../server/protocol/message.ts'
import { msgpack } from '../../../server/protocol/msgpack.ts'
import { v1 } from '../../../server/protocol/v1.ts'
import { v2 } from '../../../server/protocol/v2.ts'
import { encodeClientPush, toArrayBuffer } from '../../support/client-codec.ts'
import { binaryMessage, json, textMessage } from './arbitraries.ts'

const codecs = [v1, v2, msgpack]

/** The result of `act`, or undefined when it threw what it may throw; anything else fails the test. */
function allowing<T>(kind: typeof DecodeError | typeof EncodeError, act: () => T): T | undefined {
  try {
    return act()
  } catch (error) {
    if (error instanceof kind) return undefined
    throw error
  }
}

function expectDecodes(data: Uint8Array) {
  for (const codec of codecs) {
    for (const isBinary of [false, true]) {
      const message = allowing(DecodeError, () => codec.decode(toArrayBuffer(data), isBinary))
      if (message === undefined) continue
      expect(message).to.have.all.keys('joinRef', 'ref', 'topic', 'event', 'payload')
      expect(Object.values(message)).not.to.include(undefined)
    }
  }
}

const validFrame = fc.oneof(
  textMessage.map((message) => encodeClientPush('v1', message)),
  textMessage.map((message) => encodeClientPush('v2', message)),
  textMessage.map((message) => encodeClientPush('msgpack', message)),
  binaryMessage.map((message) => encodeClientPush('msgpack', message)),
  binaryMessage.map((message) => encodeClientPush('v2', message)),
)

describe('decode throws nothing but DecodeError', () => {
  it('for any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ size: 'medium' }), expectDecodes), { numRuns: 1000 })
  })

  it('for any bytes that begin like a push', () => {
    const header = fc.tuple(...[4, 4, 4, 4].map((max) => fc.nat(max)))
    fc.assert(
      fc.property(header, fc.uint8Array({ maxLength: 16 }), (sizes, rest) => {
        expectDecodes(Uint8Array.of(0, ...sizes, ...rest))
      }),
      { numRuns: 1000 },
    )
  })

  it('for any JSON', () => {
    fc.assert(fc.property(json, (value) => expectDecodes(Buffer.from(JSON.stringify(value)))))
  })

  it('for a valid frame with some bytes changed', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(validFrame, changes, (frame, changed) => {
        const bytes = Buffer.from(frame)
        for (const [at, byte] of changed) bytes[at % bytes.length] = byte
        expectDecodes(bytes)
      }),
      { numRuns: 1000 },
    )
  })

  it('for a valid frame cut anywhere', () => {
    fc.assert(
      fc.property(validFrame, (frame) => {
        const bytes = Buffer.from(frame)
        for (let end = 0; end <= bytes.length; end++) expectDecodes(bytes.subarray(0, end))
      }),
      { numRuns: 30 },
    )
  })

  it('for JSON nested as deep as a frame is long', () => {
    expectDecodes(Buffer.from('['.repeat(1_000_000)))
    expectDecodes(Buffer.from(`${'['.repeat(500_000)}${']'.repeat(500_000)}`))
  })
})

/** Throws its argument, whatever it is. */
const throwing = (thrown: unknown) => () => {
  throw thrown
}

function cycle(): object {
  const list: unknown[] = []
  list.push({ list })
  return list
}

function revokedProxy(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

function transferredBytes(): Uint8Array {
  const bytes = Uint8Array.of(1)
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
  return bytes
}

/** Values that have no JSON form, or run code when they are looked at. */
const hostile: Readonly<Record<string, unknown>> = {
  undefined,
  'a function': () => 1,
  'a symbol': Symbol('s'),
  'a BigInt': 1n,
  'a nested BigInt': { a: [1n] },
  'a cycle': cycle(),
  'a nesting deeper than the stack': JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`),
  'bytes nested in JSON': { a: [new Bytes(Uint8Array.of(1))] },
  'a toJSON that throws': { toJSON: throwing(new RangeError('mine')) },
  'a toJSON that throws what has no string form': { toJSON: throwing(Object.create(null)) },
  'a toJSON that throws undefined': { toJSON: throwing(undefined) },
  'a toJSON that returns nothing': { toJSON: () => undefined },
  'a getter that throws': Object.defineProperty({}, 'a', {
    enumerable: true,
    get: throwing(new Error('mine')),
  }),
  'a revoked proxy': revokedProxy(),
}

/** Values that are odd, but have a form on the wire or at least one error. */
const odd: readonly unknown[] = [
  Object.create(Uint8Array.prototype),
  Object.create(null),
  transferredBytes(),
  { toString: throwing(new Error('mine')), valueOf: 1 },
  Object.assign(() => 1, { toString: throwing(new Error('mine')) }),
  new Date(Number.NaN),
  new Map([[1, 2]]),
  new DataView(new ArrayBuffer(2)),
  new Float64Array([Number.NaN]),
  { a: Buffer.from('a') },
  Number.NaN,
]

/** Makes any value. A function, because fast-check itself stumbles over revoked proxies. */
const anything: fc.Arbitrary<() => unknown> = fc.oneof(
  fc.constantFrom(...[...Object.values(hostile), ...odd].map((value) => () => value)),
  fc.func(fc.anything()).map((value) => () => value),
  fc
    .anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withObjectString: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
    })
    .map((value) => () => value),
)

const goodHead = new Head('1', 'room:1')

function expectEncodes(encode: () => Frame) {
  const frame = allowing(EncodeError, encode)
  if (typeof frame === 'string') JSON.parse(frame)
  else if (frame !== undefined) expect(frame).to.be.instanceOf(Uint8Array)
}

describe('encoding throws nothing but EncodeError', () => {
  it('for any value as payload, ref, join_ref or topic', () => {
    fc.assert(
      fc.property(anything, anything, anything, fc.string(), (value, ref, topic, name) => {
        const head = allowing(EncodeError, () => new Head(ref(), topic())) ?? goodHead
        for (const codec of codecs) {
          for (const payload of [value(), Uint8Array.of(1)]) {
            expectEncodes(() => codec.reply(head, ref(), name, payload))
            expectEncodes(() => codec.push(head, ref(), name, payload))
            expectEncodes(() => codec.broadcast(name, new Broadcast('t', name, payload)))
          }
        }
      }),
      { numRuns: 1000 },
    )
  })

  for (const [what, value] of Object.entries(hostile)) {
    it(`and does throw it for ${what}`, () => {
      expect(() => toJson(value)).to.throw(EncodeError)
      for (const codec of codecs) {
        expect(() => codec.reply(goodHead, '1', 'ok', value)).to.throw(EncodeError)
        expect(() => codec.reply(goodHead, value, 'ok', {})).to.throw(EncodeError)
        expect(() => codec.push(goodHead, null, 'e', value)).to.throw(EncodeError)
        expect(() => codec.broadcast('t', new Broadcast('t', 'e', value))).to.throw(EncodeError)
      }
      expect(() => new Head(value, 't')).to.throw(EncodeError)
      expect(() => new Head('1', value)).to.throw(EncodeError)
    })
  }

  it('and names the cause', () => {
    const cause = new RangeError('mine')
    expect(() => toJson({ toJSON: throwing(cause) }))
      .to.throw(EncodeError)
      .with.property('cause', cause)
  })
})
