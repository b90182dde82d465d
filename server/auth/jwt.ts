/** JSON Web Tokens: HS256, RS256, ES256, EdDSA. The only file that imports jose. */
import type { KeyObject } from 'node:crypto'
import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import { type Claims, type RefusalReason, readClaims, TokenRefused } from './claims.ts'
import type { PublicKey } from './public-keys.ts'
import type { RemoteKeys } from './remote-keys.ts'
import type { Secrets } from './secrets.ts'

/** What a token may be verified with, and what it has to say beside its claims. */
export interface JwtOptions {
  readonly secrets: Secrets
  readonly publicKeys: readonly PublicKey[]
  readonly remoteKeys?: RemoteKeys | undefined
  /** Checked where they are given. */
  readonly issuer?: string | undefined
  readonly audience?: string | undefined
}

const HMAC = 'HS256'
const ALGORITHMS = new Set<unknown>([HMAC, 'RS256', 'ES256', 'EdDSA'])

interface Header {
  readonly algorithm: typeof HMAC | PublicKey['algorithm']
  readonly kid: string | undefined
}

const isAlgorithm = (value: unknown): value is Header['algorithm'] => ALGORITHMS.has(value)

function headerOf(token: string): Header {
  let header: ReturnType<typeof decodeProtectedHeader>
  try {
    header = decodeProtectedHeader(token)
  } catch {
    throw new TokenRefused('malformed')
  }
  const { alg, kid } = header
  if (kid !== undefined && typeof kid !== 'string') throw new TokenRefused('malformed')
  if (!isAlgorithm(alg)) throw new TokenRefused('algorithm')
  return { algorithm: alg, kid }
}

/**
 * Keys whose algorithm is the token's: a public key is never taken for a secret. Those behind the URL come last:
 * it may be slow, and is not asked where one of ours verifies the token.
 */
async function* keysFor(header: Header, options: JwtOptions): AsyncGenerator<KeyObject> {
  const { algorithm, kid } = header
  const { secrets, publicKeys, remoteKeys } = options
  if (algorithm === HMAC) {
    yield* secrets.keys
    return
  }
  const matches = (key: PublicKey) =>
    key.algorithm === algorithm && (kid === undefined || key.kid === undefined || key.kid === kid)
  for (const { key } of publicKeys.filter(matches)) yield key
  for (const { key } of (await remoteKeys?.find(matches)) ?? []) yield key
}

const CLAIM_REASONS = new Map<string, RefusalReason>([
  ['iss', 'issuer'],
  ['aud', 'audience'],
  ['nbf', 'not_yet_valid'],
])

/** Undefined for what is no fault of the token. */
function reasonOf(error: unknown): RefusalReason | undefined {
  if (error instanceof errors.JWTExpired) return 'expired'
  if (error instanceof errors.JWTClaimValidationFailed) {
    return (error.reason !== 'invalid' && CLAIM_REASONS.get(error.claim)) || 'claims'
  }
  return error instanceof errors.JOSEError ? 'malformed' : undefined
}

/** The payload, once one of the keys has verified it. */
async function payloadOf(
  token: string,
  keys: AsyncIterable<KeyObject>,
  checks: Parameters<typeof jwtVerify>[2],
): Promise<JWTPayload> {
  let refusal: RefusalReason = 'unknown_key'
  for await (const key of keys) {
    try {
      return (await jwtVerify(token, key, checks)).payload
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) {
        const reason = reasonOf(error)
        throw reason === undefined ? error : new TokenRefused(reason)
      }
      refusal = 'signature'
    }
  }
  throw new TokenRefused(refusal)
}

/** `exp` in ms. It and `nbf` are exact (contract 4); jose compares whole seconds. */
function expiryOf({ exp = Number.NaN, nbf = 0 }: JWTPayload, now: number): number {
  const expiresAt = exp * 1_000
  if (expiresAt <= now) throw new TokenRefused('expired')
  if (nbf * 1_000 > now) throw new TokenRefused('not_yet_valid')
  return expiresAt
}

/** The claims of a token that is valid at `now`, in ms since 1970. Rejects with TokenRefused. */
export async function verifyJwt(token: string, options: JwtOptions, now: number): Promise<Claims> {
  const header = headerOf(token)
  const { issuer, audience } = options
  const payload = await payloadOf(token, keysFor(header, options), {
    algorithms: [header.algorithm],
    currentDate: new Date(now),
    // The exact times are looked at below.
    clockTolerance: 1,
    requiredClaims: ['exp'],
    ...(issuer !== undefined && { issuer }),
    ...(audience !== undefined && { audience }),
  })
  return readClaims(new Map(Object.entries(payload)), expiryOf(payload, now))
}

/** A token of HS256. */
export async function signJwt(
  { businessId, operatorId, permissions, expiresAt }: Claims,
  secret: KeyObject,
  { issuer, audience }: Pick<JwtOptions, 'issuer' | 'audience'>,
): Promise<string> {
  const token = new SignJWT({ businessId, permissions: [...permissions] })
    .setProtectedHeader({ alg: HMAC, typ: 'JWT' })
    .setSubject(operatorId)
    .setIssuedAt()
    .setExpirationTime(expiresAt / 1_000)
  if (issuer !== undefined) token.setIssuer(issuer)
  if (audience !== undefined) token.setAudience(audience)
  return await token.sign(secret)
}
