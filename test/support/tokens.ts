import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { TokenRefused } from '../../server/auth/claims.ts'
import { openVerifier, type Verifier, type VerifierOptions } from '../../server/auth/verifier.ts'

/** The secret that tests sign with. */
export const SECRET = 'the secret of the tests, which has over 32 bytes'

export const ALL = ['agent_access', 'data_query', 'draft_creation']

/** Signs the text of a token. */
export type Signer = (text: string) => Buffer

export const hmac =
  (secret: string | Buffer, digest = 'sha256'): Signer =>
  (text) =>
    createHmac(digest, secret).update(text).digest()

export const rsa =
  (key: KeyObject): Signer =>
  (text) =>
    sign('sha256', Buffer.from(text), key)

export const ecdsa =
  (key: KeyObject): Signer =>
  (text) =>
    sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })

export const eddsa =
  (key: KeyObject): Signer =>
  (text) =>
    sign(null, Buffer.from(text), key)

/** One key pair for each algorithm, and how it signs. */
export const KEYS = {
  RS256: { ...generateKeyPairSync('rsa', { modulusLength: 2048 }), signer: rsa },
  ES256: { ...generateKeyPairSync('ec', { namedCurve: 'P-256' }), signer: ecdsa },
  EdDSA: { ...generateKeyPairSync('ed25519'), signer: eddsa },
} as const

/** The public key as it stands in a set. */
export const jwkOf = (algorithm: keyof typeof KEYS, kid?: string) => ({
  ...KEYS[algorithm].publicKey.export({ format: 'jwk' }),
  ...(kid !== undefined && { kid }),
})

const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** A token of any header and payload; a text stands as it is. */
export function jws(header: unknown, payload: unknown, signer: Signer): string {
  const text = `${encode(header)}.${encode(payload)}`
  return `${text}.${signer(text).toString('base64url')}`
}

/** Seconds since 1970. */
export const inSeconds = (seconds: number): number => Date.now() / 1_000 + seconds

/** Good claims, but for what a test changes: undefined takes one out. */
export const claims = (changes: object = {}) => ({
  sub: 'operator456',
  businessId: 'business123',
  permissions: ALL,
  exp: inSeconds(600),
  ...changes,
})

/** A token of HS256. */
export const token = (changes: object = {}, secret = SECRET): string =>
  jws({ alg: 'HS256', typ: 'JWT' }, claims(changes), hmac(secret))

const NOTHING: VerifierOptions = {
  authSecret: undefined,
  authSecretFile: undefined,
  authPublicKeys: undefined,
  authJwksUrl: undefined,
  authIssuer: undefined,
  authAudience: undefined,
  phoenixSecretKeyBase: undefined,
  phoenixTokenSalt: undefined,
}

/** A verifier of these means; unless told what to do with them, errors in the background fail the test. */
export const verifierOf = (
  means: Partial<VerifierOptions>,
  onError: (error: unknown) => void = (error) => {
    throw error
  },
): Promise<Verifier> => openVerifier({ ...NOTHING, ...means }, onError)

/** Why a verifier refuses what came in a token's place; any other error is the test's failure. */
export async function reasonOf(verifier: Verifier, given: unknown): Promise<string> {
  try {
    await verifier.verify(given)
  } catch (error) {
    if (error instanceof TokenRefused) return error.reason
    throw error
  }
  return 'none'
}
