/** Tokens that an Elixir app signs with `Phoenix.Token` (protocol 7). */
import { createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto'
import { type Claims, readClaims, TokenRefused } from './claims.ts'
import { Atom, decodeTerm, type Term, Tuple } from './external-term.ts'

/** base64url of `HS256`, the only digest that Phoenix signs with. */
export const PHOENIX_PREFIX = 'SFMyNTY.'

/** `key_digest`, `key_iterations` and `key_length` of `Phoenix.Token`. */
interface Derivation {
  readonly digest: 'sha256' | 'sha384' | 'sha512'
  readonly iterations: number
  readonly length: number
}

const DEFAULT_DERIVATION: Derivation = { digest: 'sha256', iterations: 1_000, length: 32 }

/** The key of all tokens of a salt. Derived once: that takes a millisecond. */
export function phoenixKey(
  secretKeyBase: string,
  salt: string,
  { digest, iterations, length } = DEFAULT_DERIVATION,
): Buffer {
  return pbkdf2Sync(secretKeyBase, salt, iterations, length, digest)
}

/** What a token holds. */
export interface PhoenixToken {
  readonly data: Term
  /** Milliseconds since 1970. */
  readonly signedAt: number
  /** Milliseconds; infinite for a token that never expires. */
  readonly maxAge: number
}

const BASE64URL = /^[\w-]+$/
const malformed = () => new TokenRefused('malformed')

/** Throws TokenRefused for one of another key, and for what is none. Its age is not looked at. */
export function readPhoenixToken(token: string, key: Uint8Array): PhoenixToken {
  const [, payload = '', mac = '', ...others] = token.split('.')
  const isWhole = BASE64URL.test(payload) && BASE64URL.test(mac) && others.length === 0
  if (!token.startsWith(PHOENIX_PREFIX) || !isWhole) throw malformed()
  const expected = createHmac('sha256', key)
    .update(PHOENIX_PREFIX + payload)
    .digest()
  const given = Buffer.from(mac, 'base64url')
  if (given.byteLength !== expected.byteLength || !timingSafeEqual(given, expected)) {
    throw new TokenRefused('signature')
  }
  return signedTerm(Buffer.from(payload, 'base64url'))
}

/** `{data, signed_at_ms, max_age_seconds}` */
function signedTerm(bytes: Uint8Array): PhoenixToken {
  let term: Term
  try {
    term = decodeTerm(bytes)
  } catch {
    throw malformed()
  }
  if (!(term instanceof Tuple) || term.items.length !== 3) throw malformed()
  const [data = null, signedAt, seconds] = term.items
  const isForever = seconds instanceof Atom && seconds.name === 'infinity'
  const maxAge = isForever ? Number.POSITIVE_INFINITY : seconds
  if (typeof signedAt !== 'number' || typeof maxAge !== 'number') throw malformed()
  return { data, signedAt, maxAge: Math.trunc(maxAge * 1_000) }
}

/** A map's values by the names of its keys, which may be atoms or texts, but not one as both. */
function named(term: Term): ReadonlyMap<string, unknown> {
  if (!(term instanceof Map)) throw new TokenRefused('claims')
  const values = new Map<string, unknown>()
  for (const [key, value] of term as ReadonlyMap<Term, Term>) {
    const name = key instanceof Atom ? key.name : key
    if (typeof name !== 'string') continue
    if (values.has(name)) throw new TokenRefused('claims')
    values.set(name, value)
  }
  return values
}

/**
 * The claims of a token over a map `{sub, businessId, permissions}` that is valid at `now`, in ms since 1970.
 * One that never expires is refused, and one of the future. Throws TokenRefused.
 */
export function verifyPhoenixToken(token: string, key: Uint8Array, now: number): Claims {
  const { data, signedAt, maxAge } = readPhoenixToken(token, key)
  if (signedAt > now) throw new TokenRefused('not_yet_valid')
  if (maxAge <= 0 || signedAt + maxAge <= now) throw new TokenRefused('expired')
  return readClaims(named(data), signedAt + maxAge)
}
