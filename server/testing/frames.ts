/** The client's half of the V2 wire: what a test sends is bytes to the server, and what it sees was bytes. */
import { types } from 'node:util'
import { EncodeError, type Message, toJson } from '../protocol/message.ts'
import { utf8 } from '../protocol/text.ts'
import { KIND } from '../protocol/v2.ts'

export interface ClientFrame {
  readonly data: ArrayBuffer
  readonly isBinary: boolean
}

/** What a client's message says; refs are the kit's own, so they are text. */
export interface ClientMessage extends Message {
  readonly joinRef: string
  readonly ref: string
  readonly topic: string
  readonly event: string
}

const MAX_FIELD_BYTES = 255

/** The server's fields by the kind of a binary frame, in their order (protocol 2.4). */
const FIELDS = new Map<unknown, readonly (keyof Message | 'status')[]>([
  [KIND.push, ['joinRef', 'topic', 'event']],
  [KIND.reply, ['joinRef', 'ref', 'topic', 'status']],
  [KIND.broadcast, ['topic', 'event']],
])

/** A payload of bytes makes a binary frame. Throws EncodeError for what no client can send. */
export function encodePush({ joinRef, ref, topic, event, payload }: ClientMessage): ClientFrame {
  if (!types.isUint8Array(payload)) {
    const text = toJson([joinRef, ref, topic, event, payload])
    return { data: Uint8Array.from(Buffer.from(text)).buffer, isBinary: false }
  }
  const fields = [joinRef, ref, topic, event].map((field) => Buffer.from(field))
  if (fields.some(({ length }) => length > MAX_FIELD_BYTES)) {
    throw new EncodeError(`a field of a binary frame takes ${MAX_FIELD_BYTES} bytes`)
  }
  const sizes = fields.map(({ length }) => length)
  const frame = Buffer.concat([Buffer.from([KIND.push, ...sizes]), ...fields, payload])
  return { data: Uint8Array.from(frame).buffer, isBinary: true }
}

/** What a server's frame says. The payload of a reply is `{status, response}`, whatever its frame. */
export function decodeFrame(data: string | Uint8Array, isBinary: boolean): Message {
  if (isBinary) return decodeBinary(Buffer.from(data))
  const frame = JSON.parse(typeof data === 'string' ? data : utf8(data)) as unknown[]
  const [joinRef, ref, topic, event, payload] = frame
  return { joinRef, ref, topic, event, payload }
}

function decodeBinary(frame: Buffer): Message {
  const names = FIELDS.get(frame[0])
  if (!names) throw new Error(`a frame of an unknown kind: ${frame[0]}`)
  const found: Partial<Record<keyof Message | 'status', string>> = {}
  let at = 1 + names.length
  for (const [index, name] of names.entries()) {
    const end = at + (frame[1 + index] ?? 0)
    found[name] = utf8(frame.subarray(at, end))
    at = end
  }
  const { joinRef = null, ref = null, topic, event = 'phx_reply', status } = found
  const bytes = Uint8Array.from(frame.subarray(at))
  const payload = status === undefined ? bytes : { status, response: bytes }
  return { joinRef, ref, topic, event, payload }
}
