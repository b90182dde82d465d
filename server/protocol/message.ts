/**
 * The messages of the Phoenix channels protocol, as values. Pure: no I/O, no timers.
 *
 * A client's frame carries `[join_ref, ref, topic, event, payload]`. The server checks no types in it:
 * refs are echoed exactly as they came, a topic that is no string just matches no channel.
 */

/** What a frame is on the wire: a string is a text frame, bytes are a binary frame. */
export type Frame = string | Uint8Array

/**
 * What became of a frame that was handed to a connection: written, waiting for the client to read, or never
 * to arrive. After `dropped` the connection is lost: it closes on the next turn and takes nothing more.
 */
export type Sent = 'sent' | 'buffered' | 'dropped'

/** A decoded client frame. `payload` is any JSON value, or {@link Bytes} from a binary frame. */
export interface Message {
  readonly joinRef: unknown
  readonly ref: unknown
  readonly topic: unknown
  readonly event: unknown
  readonly payload: unknown
}

/** The bytes of a client's binary payload: a copy that the receiver may keep. */
export class Bytes extends Uint8Array {
  /** Bytes have no JSON form: a handler that nests them in a JSON payload crashes, as in Phoenix. */
  toJSON(): never {
    throw new EncodeError('bytes cannot stand inside a JSON payload')
  }
}

/** The only thing a codec's `decode` throws. Phoenix ends the whole connection with 1011 (C2.6). */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
  /** What the frame is counted as. */
  readonly reason: string = 'undecodable_frame'
}

/** A payload, topic or ref that the wire format cannot carry. The sender of it crashes, nobody else. */
export class EncodeError extends Error {
  override readonly name = 'EncodeError'
}

/** Event names that the protocol itself gives a meaning. */
export const PHX = {
  join: 'phx_join',
  leave: 'phx_leave',
  reply: 'phx_reply',
  close: 'phx_close',
  error: 'phx_error',
  heartbeat: 'heartbeat',
} as const

/** The topic that heartbeats come on. */
export const HEARTBEAT_TOPIC = 'phoenix'

/** The event that, broadcast on a socket's id, closes that socket (protocol 1.11). */
export const DISCONNECT_EVENT = 'disconnect'

/** Begins the pub/sub topics that long-polling passes requests between nodes on: nobody's to join. */
export const LONG_POLL_TOPICS = 'phx:lp:'

/** JSON text of any value; throws {@link EncodeError} where it has none (functions, cycles, BigInt, bytes). */
export function toJson(value: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    // Not its message: what a `toJSON` threw may throw again when it is made a string.
    throw new EncodeError('no JSON form', { cause })
  }
  if (text === undefined) throw new EncodeError(`no JSON form: ${typeof value}`)
  return text
}

/** As {@link toJson}: of a ref as phoenix.js counts it, its digits in quotes. */
export function refJson(ref: unknown): string {
  if (typeof ref !== 'string') return toJson(ref)
  for (let at = 0; at < ref.length; at += 1) {
    const code = ref.charCodeAt(at)
    if (code < ZERO || code > NINE) return toJson(ref)
  }
  return `"${ref}"`
}

/** A field of a frame, to be kept longer than the frame: text that was cut out of one holds on to all of it. */
export function detached<T>(field: T): T {
  return typeof field === 'string' ? JSON.parse(toJson(field)) : field
}

const ZERO = 0x30
const NINE = 0x39

/**
 * The same text in one piece. What was put together stays in its parts, and they would be put together anew for
 * each frame. For text that has a UTF-8 form, as JSON text has.
 */
const flat = (text: string): string => Buffer.from(text).toString()

/**
 * What every frame of one joined topic begins with, encoded once: `joinRef` and `topic` as they came,
 * and their JSON text. Throws EncodeError: a client can nest either deeper than JSON.stringify goes.
 */
export class Head {
  readonly joinRef: unknown
  readonly topic: unknown
  /** V2's beginning of every frame. */
  readonly beforeRef: string
  /** What follows the ref in V2's replies of status ok, up to the response. */
  readonly beforeOk: string
  readonly topicJson: string

  constructor(joinRef: unknown, topic: unknown) {
    this.joinRef = joinRef
    this.topic = topic
    this.topicJson = toJson(topic)
    this.beforeRef = `[${toJson(joinRef)},`
    this.beforeOk = flat(`,${this.topicJson},"phx_reply",{"status":"ok","response":`)
  }
}
