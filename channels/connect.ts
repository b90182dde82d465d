/** Who may connect: whom a token names; in open mode everybody. */
import {
  accept,
  type ConnectOutcome,
  operatorSocketId,
  refuse,
  TokenRefused,
  type VerifyToken,
} from '../server/index.ts'

interface Params {
  readonly token?: unknown
}

interface Info {
  readonly auth_token?: string | null
}

type Connect = (params: Params, info: Info) => ConnectOutcome | Promise<ConnectOutcome>

/**
 * The token is phoenix.js's `authToken`, else the connect parameter `token` (contract 4). Its claims are what
 * channels start from; the socket's id is the operator's.
 */
export function connecting(verifyToken: VerifyToken | undefined): Connect {
  if (!verifyToken) return () => accept()
  return async (params, info) => {
    try {
      const claims = await verifyToken(info.auth_token ?? params.token)
      return accept({ claims }, operatorSocketId(claims), claims.expiresAt)
    } catch (error) {
      if (error instanceof TokenRefused) return refuse(error.reason)
      throw error
    }
  }
}
