/**
 * What names a session in a client's requests: opaque, and signed by the node that has the session.
 *
 * The secret is the process's own. A session ends with its process at the latest, so nobody else has anything to
 * verify: other nodes only read which node to ask. There is no key to share, to keep or to rotate.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

const NODE_BYTES = 12
const SESSION_BYTES = 16
const TIME_BYTES = 6
const SIGNED_BYTES = NODE_BYTES + SESSION_BYTES + TIME_BYTES
const MAC_BYTES = 32
/** In base64url: a whole number of bytes in a whole number of characters, so that each token has one form. */
const TOKEN = /^[\w-]{88}$/
const NODE_CHARS = 16

/** Two weeks, as in Phoenix. */
export const TOKEN_VALID_MS = 14 * 24 * 60 * 60 * 1_000

/** A name for this run of this node: 16 characters. */
export const newNodeName = (): string => randomBytes(NODE_BYTES).toString('base64url')

/** A name for a session: 22 characters. */
export const newSessionName = (): string => randomBytes(SESSION_BYTES).toString('base64url')

/** The node that says it made a token; undefined for what is none. Nothing is verified. */
export function nodeOf(token: string): string | undefined {
  return TOKEN.test(token) ? token.slice(0, NODE_CHARS) : undefined
}

/** One node's tokens. Times are Unix times in milliseconds. */
export class Tokens {
  readonly #node: Buffer
  readonly #secret: Buffer

  constructor(node: string, secret: Buffer = randomBytes(MAC_BYTES)) {
    this.#node = Buffer.from(node, 'base64url')
    this.#secret = secret
  }

  sign(session: string, now = Date.now()): string {
    const signed = Buffer.alloc(SIGNED_BYTES)
    this.#node.copy(signed)
    signed.write(session, NODE_BYTES, 'base64url')
    signed.writeUIntBE(now, NODE_BYTES + SESSION_BYTES, TIME_BYTES)
    return Buffer.concat([signed, this.#mac(signed)]).toString('base64url')
  }

  /** The session of a token that this node made less than two weeks ago; undefined for any other text. */
  verify(token: string, now = Date.now()): string | undefined {
    if (!TOKEN.test(token)) return undefined
    const bytes = Buffer.from(token, 'base64url')
    const signed = bytes.subarray(0, SIGNED_BYTES)
    if (!timingSafeEqual(bytes.subarray(SIGNED_BYTES), this.#mac(signed))) return undefined
    const signedAt = signed.readUIntBE(NODE_BYTES + SESSION_BYTES, TIME_BYTES)
    if (now - signedAt >= TOKEN_VALID_MS) return undefined
    return signed.toString('base64url', NODE_BYTES, NODE_BYTES + SESSION_BYTES)
  }

  #mac(signed: Buffer): Buffer {
    return createHmac('sha256', this.#secret).update(signed).digest()
  }
}
