/** `Sec-WebSocket-Protocol`, which browsers also carry the auth token in (protocol 1.8). */
import { commaList } from './request.ts'

export interface SubprotocolOptions {
  /** Takes a token from the header, and `phoenix` as a subprotocol. */
  readonly authToken: boolean
  /** What the server speaks, by preference. */
  readonly subprotocols?: readonly string[]
}

export interface Selection {
  /** What the response names; undefined for no such header. */
  readonly protocol: string | undefined
  /** The client's token; null where it sent none. */
  readonly authToken: string | null
  /** The request's header without any token; empty where nothing is left. */
  readonly offered: string
}

const TOKEN_PREFIX = 'base64url.bearer.phx.'

/** Either alphabet, padded or not. */
const BASE64 = /^(?:[\w+/-]{4})*(?:[\w+/-]{2}(?:==)?|[\w+/-]{3}=?)?$/

/** phoenix.js sends `btoa(token)`: each byte is one character. Undefined for what is not base64. */
function decodeToken(encoded: string): string | undefined {
  return BASE64.test(encoded) ? Buffer.from(encoded, 'base64').toString('latin1') : undefined
}

/**
 * Chooses by the server's preference (C1.55 to C1.69). With neither option the header is ignored. 403: the
 * client offers only what the server does not speak. 400: its token is not base64. A token counts only
 * where there is exactly one; alone, it is accepted without a subprotocol.
 */
export function selectSubprotocol(
  header: string | undefined,
  options: SubprotocolOptions,
): Selection | { readonly refused: 403 | 400 } {
  const { authToken: takesToken, subprotocols } = options
  if (header === undefined || !(takesToken || subprotocols)) {
    return { protocol: undefined, authToken: null, offered: header ?? '' }
  }
  const entries = commaList(header)
  const isToken = (entry: string) => takesToken && entry.startsWith(TOKEN_PREFIX)
  const tokens = entries.filter(isToken)
  const names = entries.filter((entry) => !isToken(entry))
  const only = tokens.length === 1 ? tokens[0] : undefined
  const authToken = only === undefined ? null : decodeToken(only.slice(TOKEN_PREFIX.length))
  if (authToken === undefined) return { refused: 400 }
  const spoken = [...(takesToken ? ['phoenix'] : []), ...(subprotocols ?? [])]
  const protocol = spoken.find((name) => names.includes(name))
  const isTokenAlone = only !== undefined && names.length === 0
  if (protocol === undefined && !isTokenAlone) return { refused: 403 }
  return { protocol, authToken, offered: names.join(', ') }
}
