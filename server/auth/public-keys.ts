/** Keys that verify signatures. Each has one algorithm, by its type: a token's has to be the same. */
import { createPublicKey, type KeyObject } from 'node:crypto'

export interface PublicKey {
  readonly algorithm: 'RS256' | 'ES256' | 'EdDSA'
  /** Undefined: it may be the key of any token. */
  readonly kid: string | undefined
  readonly key: KeyObject
}

const MAX_KEYS = 64
/** What RFC 7518 (3.3) asks for. */
const MIN_RSA_BITS = 2048

const PEM = /-----BEGIN PUBLIC KEY-----[A-Za-z\d+/=\s]+-----END PUBLIC KEY-----/g

function algorithmOf(key: KeyObject): PublicKey['algorithm'] | undefined {
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {}
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return modulusLength >= MIN_RSA_BITS ? 'RS256' : undefined
    case 'ec':
      return namedCurve === 'prime256v1' ? 'ES256' : undefined
    case 'ed25519':
      return 'EdDSA'
    default:
      return undefined
  }
}

function publicKey(
  source: Parameters<typeof createPublicKey>[0],
  kid?: string,
): PublicKey | undefined {
  try {
    const key = createPublicKey(source)
    const algorithm = algorithmOf(key)
    return algorithm && { algorithm, kid, key }
  } catch {
    return undefined
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Undefined for a private or a symmetric key, and for one that is not for RS256, ES256 or EdDSA. */
function ofJwk(jwk: unknown): PublicKey | undefined {
  if (!isRecord(jwk) || 'd' in jwk) return undefined
  const { kid, use = 'sig', key_ops: operations = ['verify'], alg } = jwk
  if (kid !== undefined && typeof kid !== 'string') return undefined
  if (use !== 'sig' || !Array.isArray(operations) || !operations.includes('verify'))
    return undefined
  const found = publicKey({ key: jwk, format: 'jwk' }, kid)
  return alg === undefined || alg === found?.algorithm ? found : undefined
}

/**
 * The usable keys of a JSON Web Key Set; keys for other purposes are left out, as the set's owner may have
 * others to serve. Undefined for what is no set.
 */
export function keysOfSet(set: unknown): readonly PublicKey[] | undefined {
  if (!isRecord(set) || !Array.isArray(set['keys']) || set['keys'].length > MAX_KEYS) {
    return undefined
  }
  return set['keys'].map(ofJwk).filter((key) => key !== undefined)
}

/** `\n` may be written as a backslash and an n, as files of environment variables often do. */
function ofPem(text: string): readonly PublicKey[] | undefined {
  const lines = text.replaceAll('\\n', '\n')
  const blocks = lines.match(PEM) ?? []
  if (lines.replace(PEM, '').trim() !== '') return undefined
  const keys = blocks.map((block) => publicKey(block)).filter((key) => key !== undefined)
  return keys.length === blocks.length ? keys : undefined
}

function ofJson(text: string): readonly PublicKey[] | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (isRecord(value) && 'keys' in value) return keysOfSet(value)
    const key = ofJwk(value)
    return key && [key]
  } catch {
    return undefined
  }
}

/**
 * The keys in a text: one or several public keys in PEM (SPKI), a JWK, or a JWK Set. Undefined where one of
 * the former cannot be used, and where none is left.
 */
export function parsePublicKeys(text: string): readonly PublicKey[] | undefined {
  const keys = text.trimStart().startsWith('{') ? ofJson(text) : ofPem(text)
  return keys && keys.length > 0 ? keys : undefined
}
