/** What nodes send each other: the one place that knows its form. */
import { Broadcast } from '../protocol/broadcast.ts'
import { pack, unpack } from '../protocol/msgpackr.ts'

/** A node ignores other versions, so that nodes of two versions can run side by side. */
const VERSION = 1
/** A list of six, then the version, in MessagePack. What does not begin so is not taken apart. */
const HEAD = Buffer.from([0x96, VERSION])

const JSON_TEXT = 0
const BINARY = 1

/** Who sent a broadcast (a node, by a name of this run of it), and the broadcast. */
export interface Envelope {
  readonly sender: string
  readonly broadcast: Broadcast
}

/** `[version, sender, kind, topic, event, payload]`. Throws EncodeError for a payload that has no JSON. */
export function encodeEnvelope({ sender, broadcast }: Envelope): Buffer {
  const { topic, event, bytes } = broadcast
  const [kind, payload] = bytes ? [BINARY, bytes] : [JSON_TEXT, Buffer.from(broadcast.json)]
  return pack([VERSION, sender, kind, fromText(topic), fromText(event), payload])
}

/** Undefined for anything else: foreign, of another version, or malformed. Its payload may share `data`. */
export function decodeEnvelope(data: Buffer): Envelope | undefined {
  if (!data.subarray(0, HEAD.length).equals(HEAD)) return undefined
  const [, sender, kind, first, second, payload] = listIn(data)
  const topic = toText(first)
  const event = toText(second)
  if (typeof sender !== 'string' || topic === undefined || event === undefined) return undefined
  if (!Buffer.isBuffer(payload)) return undefined
  if (kind === BINARY) return { sender, broadcast: new Broadcast(topic, event, payload) }
  if (kind !== JSON_TEXT) return undefined
  return { sender, broadcast: Broadcast.encoded(topic, event, payload.toString()) }
}

/** Text of MessagePack is UTF-8; what has no such form (a lone surrogate) goes as the bytes of its UTF-16. */
function fromText(text: string): string | Buffer {
  return text.isWellFormed() ? text : Buffer.from(text, 'utf16le')
}

function toText(value: unknown): string | undefined {
  if (Buffer.isBuffer(value)) return value.toString('utf16le')
  return typeof value === 'string' ? value : undefined
}

function listIn(data: Buffer): readonly unknown[] {
  try {
    return unpack(data) as unknown[]
  } catch {
    return []
  }
}
