/**
 * MessagePack for phoenix.js (1.4 or newer), in place of its own serializer:
 *
 *     new Socket(url, { ...msgpack, params })
 *
 * Messages are to both sides what they are with V2: JSON values, or an ArrayBuffer as a whole payload.
 * The server's text frames are V2's, so it works with phoenix.js's fallback to long-polling, too.
 */
import { pack, parseForPacking, unpack } from '../server/protocol/msgpackr.ts'

/** A message as phoenix.js has it. `join_ref` and `ref` are missing where it has none. */
export interface PhoenixMessage {
  readonly join_ref?: string | null
  readonly ref?: string | null
  readonly topic: string
  readonly event: string
  readonly payload: unknown
}

const PAYLOAD = 4

/**
 * Packs a {@link PhoenixMessage}, which phoenix.js's types call an object. Throws TypeError for a payload that
 * JSON.stringify cannot write, as phoenix.js does.
 */
function encode(message: object, callback: (frame: Uint8Array) => unknown): void {
  const { join_ref, ref, topic, event, payload } = message as PhoenixMessage
  const isBinary = payload instanceof ArrayBuffer
  const json = JSON.stringify([join_ref, ref, topic, event, isBinary ? null : payload])
  const frame = parseForPacking(json) as unknown[]
  if (isBinary) frame[PAYLOAD] = new Uint8Array(payload)
  callback(pack(frame))
}

function decode(raw: ArrayBuffer | string, callback: (message: PhoenixMessage) => unknown): void {
  const frame = typeof raw === 'string' ? JSON.parse(raw) : unpack(new Uint8Array(raw))
  const [join_ref, ref, topic, event, payload] = frame
  callback({ join_ref, ref, topic, event, payload: withBuffers(payload) })
}

/** phoenix.js gives a binary payload as an ArrayBuffer; that of a reply is its `response`. */
function withBuffers(payload: unknown): unknown {
  if (payload instanceof Uint8Array) return bufferOf(payload)
  const { response, ...reply } = payload as { readonly response?: unknown }
  return response instanceof Uint8Array ? { ...reply, response: bufferOf(response) } : payload
}

/** A copy: the bytes may be part of a larger buffer. */
const bufferOf = (bytes: Uint8Array): ArrayBufferLike =>
  bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)

/** Options of phoenix.js's `Socket`: the version asks the server for MessagePack. */
export const msgpack = { vsn: '2.0.0+msgpack', encode, decode }
