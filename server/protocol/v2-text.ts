/**
 * V2's text frames, fast: `["1","2","room:1","say",{…}]`. What phoenix.js sends is taken apart by looking for
 * the quotes, and only the payload is parsed. Whatever looks different (escapes, numbers, nulls, white space)
 * is JSON like any other: the answer is the same, a little later.
 */
import { DecodeError, EncodeError, type Head, type Message, refJson, toJson } from './message.ts'
import { fromJson, utf8 } from './text.ts'

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const OPEN = 0x5b
const CLOSE = 0x5d
const FIRST_PRINTABLE = 0x20

/** Where the text that begins after the quote at `from` ends; -1 where it is not as plain as it looks. */
function endOfPlain(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) return at
    if (code === BACKSLASH || code < FIRST_PRINTABLE) return -1
  }
  return -1
}

/** Where the field that begins with the quote at `from` ends: at its closing quote, before a comma; or -1. */
function endOfField(text: string, from: number): number {
  if (text.charCodeAt(from) !== QUOTE) return -1
  const end = endOfPlain(text, from + 1)
  return text.charCodeAt(end + 1) === COMMA ? end : -1
}

/** The message, where the frame is as plain as phoenix.js makes it; otherwise undefined, whatever is wrong. */
function scan(text: string): Message | undefined {
  const last = text.length - 1
  if (text.charCodeAt(0) !== OPEN || text.charCodeAt(last) !== CLOSE) return undefined
  const joinRef = endOfField(text, 1)
  if (joinRef < 0) return undefined
  const ref = endOfField(text, joinRef + 2)
  if (ref < 0) return undefined
  const topic = endOfField(text, ref + 2)
  if (topic < 0) return undefined
  const event = endOfField(text, topic + 2)
  if (event < 0) return undefined
  let payload: unknown
  try {
    payload = JSON.parse(text.slice(event + 2, last))
  } catch {
    // More than five members, or no JSON at all.
    return undefined
  }
  return {
    joinRef: text.slice(2, joinRef),
    ref: text.slice(joinRef + 3, ref),
    topic: text.slice(ref + 3, topic),
    event: text.slice(topic + 3, event),
    payload,
  }
}

/** The message that a list of five or more stands for. Throws DecodeError for anything else. */
export function messageOf(frame: unknown): Message {
  if (!Array.isArray(frame) || frame.length < 5) throw new DecodeError('not an array of five')
  const [joinRef, ref, topic, event, payload] = frame as unknown[]
  return { joinRef, ref, topic, event, payload }
}

/** The message of a text frame. Throws DecodeError. */
export function decodeText(data: ArrayBuffer): Message {
  const text = utf8(data)
  return scan(text) ?? messageOf(fromJson(text))
}

/** Phoenix's V2 pushes and broadcasts only maps (C2.12, C2.13); replies may be any JSON value. */
export function mapJson(json: string): string {
  if (json.startsWith('{')) return json
  throw new EncodeError('the payload of a push or broadcast is an object or bytes')
}

/** The text frame of a reply. Throws EncodeError for a response without a JSON form, bytes too. */
export function replyText(head: Head, ref: unknown, status: string, response: unknown): string {
  const before =
    status === 'ok'
      ? head.beforeOk
      : `,${head.topicJson},"phx_reply",{"status":${toJson(status)},"response":`
  return `${head.beforeRef}${refJson(ref)}${before}${toJson(response)}}]`
}

/** The text frame of a push. Throws EncodeError for a payload that is no map. */
export function pushText(head: Head, ref: unknown, event: string, payload: unknown): string {
  const json = mapJson(toJson(payload))
  return `${head.beforeRef}${toJson(ref)},${head.topicJson},${toJson(event)},${json}]`
}
