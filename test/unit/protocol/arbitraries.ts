import fc from 'fast-check'
import type { WireMessage } from '../../support/client-codec.ts'

/** Text as JSON can carry it: any UTF-16, so lone surrogates too. */
export const text = fc.string({
  unit: fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
  ),
})

/** Any value that comes out of JSON as it went in: all but -0. */
export const json = fc
  .jsonValue({ stringUnit: 'binary' })
  .map((value): unknown => JSON.parse(JSON.stringify(value)))

export const jsonObject = fc
  .dictionary(text, json)
  .map((value): unknown => JSON.parse(JSON.stringify(value)))

/** A field of a binary frame: at most 255 bytes of well-formed UTF-8. */
export const field = fc
  .string({ unit: 'binary', maxLength: 255, size: 'medium' })
  .filter((value) => Buffer.byteLength(value) <= 255)

export const bytes = fc.uint8Array({ maxLength: 300, size: 'medium' })

/** What a client can send in a text frame: the server checks no types in it. */
export const textMessage: fc.Arbitrary<WireMessage> = fc.record(
  {
    joinRef: fc.oneof(text, json),
    ref: fc.oneof(text, json),
    topic: fc.oneof(text, json),
    event: fc.oneof(text, json),
    payload: json,
  },
  { noNullPrototype: true },
)

/** What a client can send in a binary frame. */
export const binaryMessage: fc.Arbitrary<WireMessage> = fc.record(
  { joinRef: field, ref: field, topic: field, event: field, payload: bytes },
  { noNullPrototype: true },
)
