/** Whoever connects with a token is whom it names: the means of verification that are configured (contract 2). */
import { TokenRefused, type VerifyToken } from './claims.ts'
import { type JwtOptions, verifyJwt } from './jwt.ts'
import { PHOENIX_PREFIX, phoenixKey, verifyPhoenixToken } from './phoenix-token.ts'
import type { PublicKey } from './public-keys.ts'
import { RemoteKeys } from './remote-keys.ts'
import { openSecrets } from './secrets.ts'

export interface VerifierOptions {
  readonly authSecret: string | undefined
  /** Path of a file with secrets, one a line, which may change. */
  readonly authSecretFile: string | undefined
  readonly authPublicKeys: readonly PublicKey[] | undefined
  readonly authJwksUrl: string | undefined
  readonly authIssuer: string | undefined
  readonly authAudience: string | undefined
  /** The secret and the salt of `Phoenix.Token`: both, or neither. */
  readonly phoenixSecretKeyBase: string | undefined
  readonly phoenixTokenSalt: string | undefined
}

export interface Verifier {
  readonly verify: VerifyToken
  close(): void
}

const MAX_TOKEN_CHARS = 8_192

/** Rejects, with one line, where a file of secrets is not as it must be. */
export async function openVerifier(
  options: VerifierOptions,
  onError: (error: unknown) => void,
): Promise<Verifier> {
  const { authSecret, authSecretFile, authJwksUrl: url } = options
  const secrets = await openSecrets(authSecret, authSecretFile, onError)
  const remoteKeys = url === undefined ? undefined : new RemoteKeys({ url, onError })
  const jwt: JwtOptions = {
    secrets,
    publicKeys: options.authPublicKeys ?? [],
    remoteKeys,
    issuer: options.authIssuer,
    audience: options.authAudience,
  }
  const { phoenixSecretKeyBase: base, phoenixTokenSalt: salt } = options
  const phoenix = base === undefined || salt === undefined ? undefined : phoenixKey(base, salt)

  return {
    async verify(token) {
      if (token === undefined || token === null) throw new TokenRefused('missing')
      if (typeof token !== 'string') throw new TokenRefused('malformed')
      if (token.length > MAX_TOKEN_CHARS) throw new TokenRefused('too_large')
      if (!token.startsWith(PHOENIX_PREFIX)) return await verifyJwt(token, jwt, Date.now())
      if (!phoenix) throw new TokenRefused('unknown_key')
      return verifyPhoenixToken(token, phoenix, Date.now())
    },
    close() {
      secrets.close()
      remoteKeys?.close()
    },
  }
}
