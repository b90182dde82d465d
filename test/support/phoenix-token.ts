import { createHmac, pbkdf2Sync } from 'node:crypto'
import { deflateSync } from 'node:zlib'

/** What Elixir calls an atom, a tuple. */
export const atom = (name: string) => ({ atom: name })
export const tuple = (...items: readonly unknown[]) => ({ tuple: items })

const uint = (size: 1 | 2 | 4, value: number): Buffer => {
  const bytes = Buffer.alloc(size)
  bytes.writeUIntBE(value, 0, size)
  return bytes
}

function number(value: number): Buffer {
  if (!Number.isInteger(value)) {
    const bytes = Buffer.alloc(9)
    bytes[0] = 70
    bytes.writeDoubleBE(value, 1)
    return bytes
  }
  if (value >= 0 && value < 256) return Buffer.from([97, value])
  if (Math.abs(value) < 2 ** 31) {
    const bytes = Buffer.alloc(5)
    bytes[0] = 98
    bytes.writeInt32BE(value, 1)
    return bytes
  }
  return big(BigInt(value))
}

function big(value: bigint): Buffer {
  const bytes: number[] = []
  for (let left = value < 0n ? -value : value; left > 0n; left >>= 8n) {
    bytes.push(Number(left & 255n))
  }
  return Buffer.from([110, bytes.length, value < 0n ? 1 : 0, ...bytes])
}

const text = (value: string): Buffer =>
  Buffer.concat([Buffer.from([109]), uint(4, Buffer.byteLength(value)), Buffer.from(value)])

const named = (name: string): Buffer =>
  Buffer.concat([Buffer.from([119, Buffer.byteLength(name)]), Buffer.from(name)])

const all = (items: Iterable<unknown>): Buffer => Buffer.concat([...items].map(term))

function list(items: readonly unknown[]): Buffer {
  if (items.length === 0) return Buffer.from([106])
  return Buffer.concat([Buffer.from([108]), uint(4, items.length), all(items), Buffer.from([106])])
}

/** A map's keys are texts where it is an object, any terms where it is a Map. */
function map(value: object): Buffer {
  const entries = value instanceof Map ? [...value] : Object.entries(value)
  return Buffer.concat([Buffer.from([116]), uint(4, entries.length), all(entries.flat())])
}

/** A value as a newer OTP writes it, without the version. */
function term(value: unknown): Buffer {
  if (value === null) return named('nil')
  if (typeof value === 'boolean') return named(String(value))
  if (typeof value === 'number') return number(value)
  if (typeof value === 'bigint') return big(value)
  if (typeof value === 'string') return text(value)
  if (Array.isArray(value)) return list(value)
  const { atom: name, tuple: items } = value as { atom?: string; tuple?: readonly unknown[] }
  if (name !== undefined) return named(name)
  if (items === undefined) return map(value as object)
  return Buffer.concat([Buffer.from([104, items.length]), all(items)])
}

/** `:erlang.term_to_binary/1` */
export const encodeTerm = (value: unknown): Buffer =>
  Buffer.concat([Buffer.from([131]), term(value)])

/** `:erlang.term_to_binary(value, [:compressed])`; `size` is what it says of its size. */
export function encodeCompressed(value: unknown, size?: number): Buffer {
  const plain = term(value)
  const head = Buffer.concat([Buffer.from([131, 80]), uint(4, size ?? plain.byteLength)])
  return Buffer.concat([head, deflateSync(plain)])
}

export const SECRET_KEY_BASE = 'abcdefgh'.repeat(8)
export const SALT = 'user auth'

const key = pbkdf2Sync(SECRET_KEY_BASE, SALT, 1_000, 32, 'sha256')

/** Signs the bytes of a term as `Phoenix.Token` does. */
export function signTerm(bytes: Uint8Array, signWith: Uint8Array = key): string {
  const signed = `SFMyNTY.${Buffer.from(bytes).toString('base64url')}`
  return `${signed}.${createHmac('sha256', signWith).update(signed).digest('base64url')}`
}

/** `Phoenix.Token.sign/4`, a minute ago and for a day unless told; times in ms and seconds. */
export const phoenixToken = (
  data: unknown,
  signedAt: unknown = Date.now() - 60_000,
  maxAge: unknown = 86_400,
): string => signTerm(encodeTerm(tuple(data, signedAt, maxAge)))
