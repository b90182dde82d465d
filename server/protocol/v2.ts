/** The V2 serializer (`vsn` 2.0.x): JSON arrays, and binary frames (protocol 2.3, 2.4). */
import { types } from 'node:util'
import type { Codec } from './codec.ts'
import { Bytes, DecodeError, EncodeError, type Frame, type Message, toJson } from './message.ts'
import { utf8 } from './text.ts'
import { decodeText, mapJson, pushText, replyText } from './v2-text.ts'

/** First byte of a binary frame. A client sends only pushes. */
export const KIND = { push: 0, reply: 1, broadcast: 2 } as const

const CLIENT_PUSH_HEADER = 5
const MAX_FIELD_BYTES = 255
const TEXTUAL = new Set(['string', 'number', 'boolean'])

/** `00 | J | R | T | E | join_ref | ref | topic | event | payload`: sizes are one byte, in UTF-8 bytes. */
function decodeBinary(data: ArrayBuffer): Message {
  const bytes = new Uint8Array(data)
  const [kind, ...sizes] = bytes.subarray(0, CLIENT_PUSH_HEADER)
  if (kind !== KIND.push) throw new DecodeError('not a push frame')
  if (sizes.length < CLIENT_PUSH_HEADER - 1) throw new DecodeError('truncated')
  let at = CLIENT_PUSH_HEADER
  const fields: string[] = []
  for (const size of sizes) {
    if (at + size > bytes.length) throw new DecodeError('truncated')
    fields.push(utf8(bytes.subarray(at, at + size)))
    at += size
  }
  const [joinRef, ref, topic, event] = fields
  return { joinRef, ref, topic, event, payload: new Bytes(data.slice(at)) }
}

/** A header field of a binary frame: null is zero bytes, a number or a boolean its text (C2.41). */
function field(name: string, value: unknown): Buffer {
  // A client's ref may be any JSON; turning `{"toString": 1}` into text would throw TypeError.
  if (value !== null && !TEXTUAL.has(typeof value)) {
    throw new EncodeError(`${name} has no text form: ${typeof value}`)
  }
  const bytes = Buffer.from(value === null ? '' : String(value))
  if (bytes.length > MAX_FIELD_BYTES) {
    throw new EncodeError(
      `${name} is ${bytes.length} bytes; a binary frame takes ${MAX_FIELD_BYTES}`,
    )
  }
  return bytes
}

function binaryFrame(kind: number, fields: readonly Buffer[], payload: Uint8Array): Buffer {
  const sizes = fields.map((each) => each.length)
  try {
    return Buffer.concat([Buffer.from([kind, ...sizes]), ...fields, payload])
  } catch (cause) {
    throw new EncodeError('the payload cannot be copied', { cause })
  }
}

export const v2: Codec = {
  name: 'v2',
  decode: (data, isBinary) => (isBinary ? decodeBinary(data) : decodeText(data)),
  reply(head, ref, status, response): Frame {
    if (types.isUint8Array(response)) {
      const fields = [
        field('join_ref', head.joinRef),
        field('ref', ref),
        field('topic', head.topic),
        field('status', status),
      ]
      return binaryFrame(KIND.reply, fields, response)
    }
    return replyText(head, ref, status, response)
  },
  push(head, ref, event, payload): Frame {
    if (types.isUint8Array(payload)) {
      const fields = [
        field('join_ref', head.joinRef),
        field('topic', head.topic),
        field('event', event),
      ]
      return binaryFrame(KIND.push, fields, payload)
    }
    return pushText(head, ref, event, payload)
  },
  broadcast(wireTopic, broadcast): Frame {
    if (broadcast.bytes) {
      const fields = [field('topic', wireTopic), field('event', broadcast.event)]
      return binaryFrame(KIND.broadcast, fields, broadcast.bytes)
    }
    return `[null,null,${toJson(wireTopic)},${toJson(broadcast.event)},${mapJson(broadcast.json)}]`
  },
}
