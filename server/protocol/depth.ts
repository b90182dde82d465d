/** How deep a frame may be nested: looked for in its bytes, before anything is built of them. */
import type { Codec } from './codec.ts'
import { DecodeError, type Message } from './message.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

class TooDeep extends DecodeError {
  override readonly reason = 'payload_depth'
}

/** As the codec's `decode`, for a frame whose payload is nested no deeper than `maxDepth`. Throws DecodeError. */
export function decodeWithin(
  codec: Codec,
  data: ArrayBuffer,
  isBinary: boolean,
  maxDepth: number,
): Message {
  const isJson = codec.name === 'v1' || !isBinary
  // The message itself, a list or an object, is around the payload.
  if (isJson && isDeeperThan(data, maxDepth + 1)) throw new TooDeep('nested too deep')
  return codec.decode(data, isBinary)
}

/** Whether lists and objects are nested deeper than `max` in JSON; of what is no JSON it may say either. */
export function isDeeperThan(json: ArrayBuffer, max: number): boolean {
  // Each level is opened and closed: most frames are too short to be looked at.
  if (json.byteLength < 2 * (max + 1)) return false
  const bytes = Buffer.from(json)
  let depth = 0
  for (let at = 0; at < bytes.length; at += 1) {
    switch (bytes[at]) {
      case QUOTE:
        at = endOfString(bytes, at)
        break
      case OPEN_LIST:
      case OPEN_OBJECT:
        depth += 1
        if (depth > max) return true
        break
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        depth -= 1
        break
    }
  }
  return false
}

/** Where the string ends that begins with the quote at `from`; behind all where it does not. */
function endOfString(bytes: Buffer, from: number): number {
  let at = bytes.indexOf(QUOTE, from + 1)
  while (at !== -1 && isEscaped(bytes, at)) at = bytes.indexOf(QUOTE, at + 1)
  return at === -1 ? bytes.length : at
}

function isEscaped(bytes: Buffer, at: number): boolean {
  let before = at - 1
  while (bytes[before] === BACKSLASH) before -= 1
  return (at - before) % 2 === 0
}
