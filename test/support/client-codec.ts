/**
 * The client's side of the wire, written from the protocol alone and strict about it: what the server's
 * codecs are tested against.
 */
import { encode as pack, decode as unpack } from '@msgpack/msgpack'
import * as phoenix from 'phoenix'

export type Version = 'v1' | 'v2' | 'msgpack'

export interface WireMessage {
  readonly joinRef: unknown
  readonly ref: unknown
  readonly topic: unknown
  readonly event: unknown
  readonly payload: unknown
}

/** What to push; a missing payload is `{}`, missing refs are null (V1: no `join_ref` at all). */
export interface WirePush {
  readonly topic: unknown
  readonly event: unknown
  readonly payload?: unknown
  readonly ref?: unknown
  readonly joinRef?: unknown
}

/** Fields in the order of their sizes in a server's binary frame, by its first byte (protocol 2.4). */
const SERVER_FIELDS = new Map([
  [0, ['joinRef', 'topic', 'event']],
  [1, ['joinRef', 'ref', 'topic', 'status']],
  [2, ['topic', 'event']],
])

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * What a client sends. Bytes as payload make a binary push in V2; its fields must be strings. MessagePack is
 * another implementation's than the server's.
 */
export function encodeClientPush(version: Version, message: WireMessage): string | Uint8Array {
  const { joinRef, ref, topic, event, payload } = message
  if (version === 'v1') return JSON.stringify({ topic, event, payload, ref, join_ref: joinRef })
  if (version === 'msgpack') return pack([joinRef, ref, topic, event, payload], { maxDepth: 5_000 })
  if (!(payload instanceof Uint8Array)) {
    return JSON.stringify([joinRef, ref, topic, event, payload])
  }
  const fields = [joinRef, ref, topic, event].map((field) => encoder.encode(String(field)))
  if (fields.some((field) => field.length > 255)) throw new RangeError('a field is too long')
  return Buffer.concat([
    Uint8Array.of(0, ...fields.map((field) => field.length)),
    ...fields,
    payload,
  ])
}

/** As `encodeClientPush`, with what is left out filled in. */
export function encodePush(version: Version, message: WirePush): string | Uint8Array {
  const { topic, event, payload = {}, ref = null, joinRef } = message
  const common = { topic, event, payload }
  if (version === 'v1') return encodeClientPush(version, { ...common, ref, joinRef })
  // A binary frame of V2 has no null: what is missing is of zero length.
  const missing = version === 'v2' && payload instanceof Uint8Array ? '' : null
  return encodeClientPush(version, { ...common, ref: ref ?? missing, joinRef: joinRef ?? missing })
}

/**
 * What a server's frame says: the payload of a reply is `{status, response}`, a ref that the frame has
 * no place for is null. Throws on any frame that the protocol does not know.
 */
export function decodeServerFrame(version: Version, frame: string | Uint8Array): WireMessage {
  if (typeof frame !== 'string') {
    if (version === 'v1') throw new Error('V1 has no binary frames')
    return version === 'v2' ? decodeBinary(frame) : messageOf(unpack(frame))
  }
  const json: unknown = JSON.parse(frame)
  if (version !== 'v1') return messageOf(json)
  const { topic, event, payload, ref } = json as Record<string, unknown>
  if (
    Object.keys(json as object)
      .sort()
      .join() !== 'event,payload,ref,topic'
  ) {
    throw new Error('not exactly event, payload, ref and topic')
  }
  return { joinRef: null, ref, topic, event, payload }
}

function messageOf(frame: unknown): WireMessage {
  if (!Array.isArray(frame) || frame.length !== 5) throw new Error('not an array of five')
  const [joinRef, ref, topic, event, payload] = frame as unknown[]
  return { joinRef, ref, topic, event, payload }
}

function decodeBinary(frame: Uint8Array): WireMessage {
  const names = SERVER_FIELDS.get(frame[0] ?? -1)
  if (names === undefined) throw new Error('unknown kind')
  const fields: Record<string, string> = {}
  let at = 1 + names.length
  for (const [index, name] of names.entries()) {
    const end = at + (frame[1 + index] ?? Number.NaN)
    if (!(end <= frame.length)) throw new Error('truncated')
    fields[name] = decoder.decode(frame.subarray(at, end))
    at = end
  }
  const { joinRef = null, ref = null, topic, event = 'phx_reply', status } = fields
  const bytes = Uint8Array.from(frame.subarray(at))
  const payload = status === undefined ? bytes : { status, response: bytes }
  return { joinRef, ref, topic, event, payload }
}

/** The bytes of a frame in a buffer of their own, as a WebSocket hands them over. */
export function toArrayBuffer(frame: string | Uint8Array): ArrayBuffer {
  return Uint8Array.from(typeof frame === 'string' ? encoder.encode(frame) : frame).buffer
}

interface PhoenixMessage {
  readonly join_ref: string | null
  readonly ref: string | null
  readonly topic: string
  readonly event: string
  readonly payload: unknown
}

/** phoenix.js's own V2 serializer, which its types leave out. */
export const { Serializer } = phoenix as unknown as {
  readonly Serializer: {
    encode<T>(message: PhoenixMessage, callback: (frame: string | ArrayBuffer) => T): T
    decode<T>(frame: string | ArrayBuffer, callback: (message: PhoenixMessage) => T): T
  }
}
