/** Erlang's external term format, as far as tokens need it (protocol 7.2). */
import { inflateSync } from 'node:zlib'

/** What `decodeTerm` throws, whatever the bytes: they are no term, one of another kind, or too much. */
export class BadTerm extends Error {
  override readonly name = 'BadTerm'
}

export class Atom {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

export class Tuple {
  readonly items: readonly Term[]

  constructor(items: readonly Term[]) {
    this.items = items
  }
}

/** `nil`, `true` and `false` are null and booleans; a binary that is no UTF-8 stays bytes. */
export type Term =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Atom
  | Tuple
  | readonly Term[]
  | ReadonlyMap<Term, Term>

const VERSION = 131
const COMPRESSED = 80
const MAX_BYTES = 65_536
const MAX_DEPTH = 32
/** 2^2048: more than any number that a token has a use for. */
const MAX_BIG_BYTES = 256

const TAG = {
  float: 70,
  smallInteger: 97,
  integer: 98,
  atomLatin1: 100,
  smallTuple: 104,
  largeTuple: 105,
  nil: 106,
  string: 107,
  list: 108,
  binary: 109,
  smallBig: 110,
  largeBig: 111,
  smallAtomLatin1: 115,
  map: 116,
  atomUtf8: 118,
  smallAtomUtf8: 119,
} as const

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The term that the bytes hold, all of them. Throws BadTerm. */
export function decodeTerm(bytes: Uint8Array): Term {
  if (bytes[0] !== VERSION) throw new BadTerm('no term of version 131')
  const reader = new Reader(bytes[1] === COMPRESSED ? inflated(bytes) : bytes.subarray(1))
  const term = reader.term(0)
  if (!reader.atEnd) throw new BadTerm('bytes follow the term')
  return term
}

/** Four bytes say the size, the rest is zlib's. */
function inflated(bytes: Uint8Array): Uint8Array {
  const head = new Reader(bytes.subarray(2))
  const size = head.uint(4)
  if (size > MAX_BYTES) throw new BadTerm(`over ${MAX_BYTES} bytes`)
  let plain: Uint8Array
  try {
    plain = inflateSync(bytes.subarray(6), { maxOutputLength: MAX_BYTES })
  } catch {
    throw new BadTerm('no zlib stream, or a longer one than it says')
  }
  if (plain.byteLength !== size) throw new BadTerm('not of the size that it says')
  return plain
}

class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.byteLength
  }

  /** Moves on by so many bytes; says where they begin. */
  #skip(count: number): number {
    const at = this.#at
    if (count > this.#bytes.byteLength - at) throw new BadTerm('it is cut short')
    this.#at += count
    return at
  }

  #take(count: number): Uint8Array {
    const at = this.#skip(count)
    return this.#bytes.subarray(at, at + count)
  }

  uint(size: 1 | 2 | 4): number {
    const at = this.#skip(size)
    if (size === 1) return this.#view.getUint8(at)
    return size === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at)
  }

  term(depth: number): Term {
    if (depth > MAX_DEPTH) throw new BadTerm(`deeper than ${MAX_DEPTH}`)
    const tag = this.uint(1)
    switch (tag) {
      case TAG.smallInteger:
        return this.uint(1)
      case TAG.integer:
        return this.#view.getInt32(this.#skip(4))
      case TAG.smallBig:
        return this.#big(this.uint(1))
      case TAG.largeBig:
        return this.#big(this.uint(4))
      case TAG.float:
        return this.#float()
      case TAG.binary:
        return textOrBytes(this.#take(this.uint(4)))
      // Erlang's atoms are old (Latin-1) or new (UTF-8), long or short.
      case TAG.atomLatin1:
        return atomOf(Buffer.from(this.#take(this.uint(2))).toString('latin1'))
      case TAG.smallAtomLatin1:
        return atomOf(Buffer.from(this.#take(this.uint(1))).toString('latin1'))
      case TAG.atomUtf8:
        return atomOf(strictText(this.#take(this.uint(2))))
      case TAG.smallAtomUtf8:
        return atomOf(strictText(this.#take(this.uint(1))))
      default:
        return this.#compound(tag, depth)
    }
  }

  #compound(tag: number, depth: number): Term {
    switch (tag) {
      case TAG.nil:
        return []
      case TAG.string:
        return [...this.#take(this.uint(2))]
      case TAG.list:
        return this.#list(depth)
      case TAG.smallTuple:
        return new Tuple(this.#items(this.uint(1), depth))
      case TAG.largeTuple:
        return new Tuple(this.#items(this.uint(4), depth))
      case TAG.map:
        return this.#map(depth)
      default:
        throw new BadTerm(`a term of kind ${tag}`)
    }
  }

  /** Each item takes a byte at least: no count makes more of them than there are bytes. */
  #items(count: number, depth: number): Term[] {
    const items: Term[] = []
    for (let index = 0; index < count; index += 1) items.push(this.term(depth + 1))
    return items
  }

  #list(depth: number): Term {
    const items = this.#items(this.uint(4), depth)
    if (this.uint(1) !== TAG.nil) throw new BadTerm('an improper list')
    return items
  }

  #map(depth: number): Term {
    const map = new Map<Term, Term>()
    const count = this.uint(4)
    for (let index = 0; index < count; index += 1) {
      const key = this.term(depth + 1)
      map.set(key, this.term(depth + 1))
    }
    return map
  }

  /** Little-endian magnitude; a number where that is exact. */
  #big(size: number): Term {
    if (size > MAX_BIG_BYTES) throw new BadTerm('an integer over 2048 bits')
    const isNegative = this.uint(1) !== 0
    const hex = Buffer.from(this.#take(size)).reverse().toString('hex')
    const magnitude = BigInt(`0x${hex || '0'}`)
    const value = isNegative ? -magnitude : magnitude
    return Number.isSafeInteger(Number(value)) ? Number(value) : value
  }

  #float(): Term {
    const value = this.#view.getFloat64(this.#skip(8))
    if (!Number.isFinite(value)) throw new BadTerm('a float that is no number')
    return value
  }
}

const ATOMS = new Map<string, Term>([
  ['nil', null],
  ['true', true],
  ['false', false],
])

const atomOf = (name: string): Term => {
  const known = ATOMS.get(name)
  return known === undefined ? new Atom(name) : known
}

function strictText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw new BadTerm('an atom that is not UTF-8')
  }
}

function textOrBytes(bytes: Uint8Array): Term {
  try {
    return utf8.decode(bytes)
  } catch {
    return bytes
  }
}
