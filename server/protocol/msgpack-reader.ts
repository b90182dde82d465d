import { Bytes, DecodeError } from './message.ts'
import { utf8 } from './text.ts'

/** Lists and maps within each other. */
const MAX_DEPTH = 1_000
/** Lists and maps in a frame: an empty one is a single byte, and fifty in memory. */
const MAX_CONTAINERS = 1_000_000
/** Up to here in bytes, a loop is faster than a call of Buffer's. */
const SHORT_TEXT = 16
const HIGH_WORD = 2 ** 32

/**
 * The value that a client's MessagePack holds: what JSON.parse would have made of the same value as JSON, and
 * {@link Bytes} as members of the outermost list. Throws DecodeError for anything that JSON does not have
 * (extensions and so dates, NaN, keys that are no text, bytes further in), for text that is not UTF-8, and for
 * what is cut short, too long, or out of bounds. A 64-bit integer becomes the nearest double, as in JSON.
 *
 * msgpackr's own reader is not for clients: it builds what a frame asks for (regular expressions, compiled
 * records, cycles), takes any bytes for text and renames the key `__proto__`.
 */
export function readMessagePack(data: ArrayBuffer): unknown {
  return new Reader(data).read()
}

class Reader {
  readonly #data: ArrayBuffer
  readonly #bytes: Buffer
  #at = 0
  #containers = 0

  constructor(data: ArrayBuffer) {
    this.#data = data
    this.#bytes = Buffer.from(data)
  }

  read(): unknown {
    const value = this.#value(0)
    if (this.#at < this.#bytes.length) throw new DecodeError('longer than its value')
    return value
  }

  #value(depth: number): unknown {
    const token = this.#byte()
    if (token < 0x80) return token
    if (token < 0x90) return this.#map(token & 0x0f, depth)
    if (token < 0xa0) return this.#list(token & 0x0f, depth)
    if (token < 0xc0) return this.#text(token & 0x1f)
    if (token >= 0xe0) return token - 0x100
    return this.#tagged(token, depth)
  }

  #tagged(token: number, depth: number): unknown {
    switch (token) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#binary(this.#size(token - 0xc4), depth)
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#size(token - 0xd9))
      case 0xdc:
      case 0xdd:
        return this.#list(this.#size(token - 0xdb), depth)
      case 0xde:
      case 0xdf:
        return this.#map(this.#size(token - 0xdd), depth)
      default:
        return this.#number(token)
    }
  }

  #number(token: number): number {
    const bytes = this.#bytes
    switch (token) {
      case 0xca:
        return finite(bytes.readFloatBE(this.#skip(4)))
      case 0xcb:
        return finite(bytes.readDoubleBE(this.#skip(8)))
      case 0xcc:
        return this.#byte()
      case 0xcd:
        return bytes.readUInt16BE(this.#skip(2))
      case 0xce:
        return bytes.readUInt32BE(this.#skip(4))
      case 0xcf:
        return bytes.readUInt32BE(this.#skip(4)) * HIGH_WORD + bytes.readUInt32BE(this.#skip(4))
      case 0xd0:
        return bytes.readInt8(this.#skip(1))
      case 0xd1:
        return bytes.readInt16BE(this.#skip(2))
      case 0xd2:
        return bytes.readInt32BE(this.#skip(4))
      case 0xd3:
        return bytes.readInt32BE(this.#skip(4)) * HIGH_WORD + bytes.readUInt32BE(this.#skip(4))
      default:
        throw new DecodeError('an extension, or a type that does not exist')
    }
  }

  /** A length of 1, 2 or 4 bytes, by its logarithm. */
  #size(log: number): number {
    if (log === 0) return this.#byte()
    return log === 1
      ? this.#bytes.readUInt16BE(this.#skip(2))
      : this.#bytes.readUInt32BE(this.#skip(4))
  }

  #byte(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw new DecodeError('cut short')
    this.#at += 1
    return byte
  }

  /** Steps over `size` bytes; where they begin. */
  #skip(size: number): number {
    const start = this.#at
    if (size > this.#bytes.length - start) throw new DecodeError('cut short')
    this.#at = start + size
    return start
  }

  #text(size: number): string {
    const start = this.#skip(size)
    const short = size <= SHORT_TEXT ? this.#ascii(start) : undefined
    if (short !== undefined) return short
    const text = this.#bytes.toString('utf8', start, this.#at)
    // What is malformed was replaced by this character, which may also stand there by itself.
    return text.includes('\ufffd') ? utf8(this.#bytes.subarray(start, this.#at)) : text
  }

  /** The text from `start` to here, if all of it is ASCII. */
  #ascii(start: number): string | undefined {
    let text = ''
    for (let at = start; at < this.#at; at += 1) {
      const unit = this.#bytes[at]
      if (unit === undefined || unit > 0x7f) return undefined
      text += String.fromCharCode(unit)
    }
    return text
  }

  #binary(size: number, depth: number): Bytes {
    if (depth !== 1) throw new DecodeError('bytes inside of a value')
    const start = this.#skip(size)
    return new Bytes(this.#data.slice(start, this.#at))
  }

  #list(length: number, depth: number): unknown[] {
    this.#enter(length, depth)
    const list: unknown[] = []
    for (let left = length; left > 0; left -= 1) list.push(this.#value(depth + 1))
    return list
  }

  #map(length: number, depth: number): object {
    this.#enter(2 * length, depth)
    const map: Record<string, unknown> = {}
    for (let left = length; left > 0; left -= 1) {
      const key = this.#value(depth + 1)
      if (typeof key !== 'string') throw new DecodeError('a key that is no text')
      const value = this.#value(depth + 1)
      if (key === '__proto__') setOwn(map, key, value)
      else map[key] = value
    }
    return map
  }

  /** Every member has at least one byte. */
  #enter(members: number, depth: number): void {
    if (members > this.#bytes.length - this.#at) throw new DecodeError('cut short')
    if (depth >= MAX_DEPTH) throw new DecodeError('nested too deep')
    this.#containers += 1
    if (this.#containers > MAX_CONTAINERS) throw new DecodeError('too many lists and maps')
  }
}

function finite(number: number): number {
  if (Number.isFinite(number)) return number
  throw new DecodeError('a number that JSON does not have')
}

/** As JSON.parse does it: an assignment to `__proto__` would set the prototype. */
function setOwn(map: object, key: string, value: unknown): void {
  Object.defineProperty(map, key, { value, configurable: true, enumerable: true, writable: true })
}
