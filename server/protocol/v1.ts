/** The V1 serializer (`vsn` 1.0.x): JSON objects, text only (protocol 2.2). */
import { types } from 'node:util'
import type { Codec } from './codec.ts'
import { DecodeError, EncodeError, type Message, toJson } from './message.ts'
import { fromJson, utf8 } from './text.ts'

/** Lists count too: a frame that is one has no `topic`. */
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

/** Phoenix refuses a frame without `ref` (C2.17). Clients written by hand leave it out: here it is null. */
function decode(data: ArrayBuffer): Message {
  const message = fromJson(utf8(data))
  if (!isObject(message)) throw new DecodeError('not an object')
  for (const key of ['topic', 'event', 'payload']) {
    if (!Object.hasOwn(message, key)) throw new DecodeError(`no ${key}`)
  }
  const { topic, event, payload, ref = null, join_ref: joinRef = null } = message
  return { joinRef, ref, topic, event, payload }
}

/** V1 has no binary form: Phoenix crashes the channel that pushes one (C2.23). */
function json(payload: unknown): string {
  if (types.isUint8Array(payload)) throw new EncodeError('V1 cannot carry a binary payload')
  return toJson(payload)
}

const frame = (topicJson: string, eventJson: string, payloadJson: string, refJson: string) =>
  `{"topic":${topicJson},"event":${eventJson},"payload":${payloadJson},"ref":${refJson}}`

export const v1: Codec = {
  name: 'v1',
  decode,
  reply(head, ref, status, response) {
    const payload = `{"status":${toJson(status)},"response":${json(response)}}`
    return frame(head.topicJson, '"phx_reply"', payload, toJson(ref))
  },
  push(head, ref, event, payload) {
    return frame(head.topicJson, toJson(event), json(payload), toJson(ref))
  },
  broadcast(wireTopic, broadcast) {
    if (broadcast.bytes) throw new EncodeError('V1 cannot carry a binary payload')
    return frame(toJson(wireTopic), toJson(broadcast.event), broadcast.json, 'null')
  },
}
