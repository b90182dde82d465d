/**
 * The MessagePack serializer (`vsn` 2.0.0+msgpack): V2's list of five, packed, in a binary frame; a binary
 * payload is a bin, also as the `response` of a reply. A value goes out as what its JSON says, so that it is
 * the same for clients of every serializer. V2's frames are taken, too, and its text frames may be sent.
 */
import { types } from 'node:util'
import type { Broadcast } from './broadcast.ts'
import type { Codec } from './codec.ts'
import { DecodeError, EncodeError, type Frame, type Message } from './message.ts'
import { readMessagePack } from './msgpack-reader.ts'
import { pack, parseForPacking } from './msgpackr.ts'
import { KIND, v2 } from './v2.ts'
import { mapJson, messageOf, pushText, replyText } from './v2-text.ts'

const PAYLOAD = 4
/** A list of five, of which the first two are nil. */
const BROADCAST_HEAD = Buffer.from([0x95, 0xc0, 0xc0])

/**
 * Whether a binary frame is one of V2's: they begin with 0, which no packed list does. phoenix.js sends those
 * by long-polling, whatever its options say.
 */
const isV2 = (data: ArrayBuffer): boolean => new Uint8Array(data)[0] === KIND.push

function decodePacked(data: ArrayBuffer): Message {
  const frame = readMessagePack(data)
  const message = messageOf(frame)
  const firstBytes = (frame as unknown[]).findIndex(types.isUint8Array)
  if (firstBytes >= 0 && firstBytes < PAYLOAD)
    throw new DecodeError('bytes instead of a ref or name')
  return message
}

/**
 * Undefined where it nests too deep for msgpackr's recursion, which is from 1,200 levels on; JSON.stringify's
 * goes three times that. Or where it is no JSON: nobody has looked into the text of another node yet.
 */
function packJson(json: string): Buffer | undefined {
  try {
    return pack(parseForPacking(json))
  } catch {
    return undefined
  }
}

/** A text frame of V2, packed; where that cannot be, as it is. */
const packed = (text: string): Frame => packJson(text) ?? text

/** The same with bytes in it: another payload than the text could hold. */
function packedWith(text: string, payload: unknown): Frame {
  const frame = parseForPacking(text) as unknown[]
  frame[PAYLOAD] = payload
  return packBytes(frame)
}

function packBytes(value: unknown): Buffer {
  try {
    return pack(value)
  } catch (cause) {
    throw new EncodeError('the payload cannot be packed', { cause })
  }
}

/** Payloads are packed once, whatever the topics are that their subscribers know. */
const payloads = new WeakMap<Broadcast, Buffer>()

function packedPayload(broadcast: Broadcast): Buffer | undefined {
  const known = payloads.get(broadcast)
  if (known) return known
  const { bytes } = broadcast
  const payload = bytes ? packBytes(bytes) : packJson(mapJson(broadcast.json))
  if (payload) payloads.set(broadcast, payload)
  return payload
}

export const msgpack: Codec = {
  name: 'msgpack',
  decode: (data, isBinary) =>
    isBinary && !isV2(data) ? decodePacked(data) : v2.decode(data, isBinary),
  reply(head, ref, status, response) {
    if (!types.isUint8Array(response)) return packed(replyText(head, ref, status, response))
    return packedWith(replyText(head, ref, status, null), {
      status: status.toWellFormed(),
      response,
    })
  },
  push(head, ref, event, payload) {
    if (!types.isUint8Array(payload)) return packed(pushText(head, ref, event, payload))
    return packedWith(pushText(head, ref, event, {}), payload)
  },
  broadcast(wireTopic, broadcast) {
    const payload = packedPayload(broadcast)
    if (!payload) return v2.broadcast(wireTopic, broadcast)
    const topic = pack(wireTopic.toWellFormed())
    const event = pack(broadcast.event.toWellFormed())
    return Buffer.concat([BROADCAST_HEAD, topic, event, payload])
  },
}

/** For a transport that can bring a client only text: takes what {@link msgpack} takes, and sends V2. */
export const msgpackUp: Codec = { ...v2, decode: msgpack.decode }
