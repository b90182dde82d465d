/** What a token says of who connects (contract 4), and how a token is refused. */
import { namePart } from '../protocol/name-part.ts'

export interface Claims {
  readonly businessId: string
  readonly operatorId: string
  /** Names of permissions, known or not, coarse or fine. */
  readonly permissions: readonly string[]
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

/** Why a token is refused: for the log and for tests. A client is told nothing but 403. */
export type RefusalReason =
  | 'missing'
  | 'malformed'
  | 'too_large'
  | 'algorithm'
  | 'unknown_key'
  | 'signature'
  | 'expired'
  | 'not_yet_valid'
  | 'issuer'
  | 'audience'
  | 'claims'

/** What a verifier rejects with; nothing of the token is in it. */
export class TokenRefused extends Error {
  override readonly name = 'TokenRefused'
  readonly reason: RefusalReason

  constructor(reason: RefusalReason) {
    super(`token refused: ${reason}`)
    this.reason = reason
  }
}

/** Takes whatever came in the token's place. Rejects with TokenRefused, whatever that was. */
export type VerifyToken = (token: unknown) => Promise<Claims>

const MAX_ID_BYTES = 256
const MAX_PERMISSIONS = 256
const MAX_PERMISSION_CHARS = 128
/** The last instant that a Date can name. */
const MAX_TIME = 8.64e15

/** Whether it is an id of a business or an operator: 1 to 256 bytes of text. */
export const isId = (value: unknown): value is string =>
  typeof value === 'string' &&
  value !== '' &&
  value.isWellFormed() &&
  Buffer.byteLength(value) <= MAX_ID_BYTES

const isPermissionList = (value: unknown): value is readonly string[] =>
  Array.isArray(value) &&
  value.length <= MAX_PERMISSIONS &&
  value.every((name) => typeof name === 'string' && name.length <= MAX_PERMISSION_CHARS)

/**
 * Reads verified claims by their names. Throws TokenRefused for what is missing or none, and for a time of
 * expiry that never comes.
 */
export function readClaims(named: ReadonlyMap<unknown, unknown>, expiresAt: number): Claims {
  const operatorId = named.get('sub')
  const businessId = named.get('businessId')
  const permissions = named.get('permissions') ?? []
  const isTime = expiresAt <= MAX_TIME
  if (!isTime || !isId(operatorId) || !isId(businessId) || !isPermissionList(permissions)) {
    throw new TokenRefused('claims')
  }
  return { businessId, operatorId, permissions, expiresAt }
}

/** The id of every socket of an operator: a `disconnect` broadcast on it ends them all. */
export const operatorSocketId = (who: Pick<Claims, 'businessId' | 'operatorId'>): string =>
  `operator:${namePart(who.businessId)}/${namePart(who.operatorId)}`
