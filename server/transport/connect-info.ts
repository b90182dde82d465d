/** What an app's `connect` may know of the request: only what the mount lists (protocol 1.6). */
import type { Peer } from './client-address.ts'
import { parseOrigin } from './origin.ts'
import { type Headers, header, type RequestHead } from './request.ts'

export interface ConnectInfo {
  readonly peer_data?: Peer
  /** `traceparent` and `tracestate`. */
  readonly trace_context_headers?: Headers
  /** All headers whose names begin with `x-`. */
  readonly x_headers?: Headers
  /** All headers whose names begin with `sec-websocket-`, without the auth token. */
  readonly sec_websocket_headers?: Headers
  /** `host` and `port` as the client wrote them in its Host header; null where that is unusable. */
  readonly uri?: {
    readonly scheme: string
    readonly host: string | null
    readonly port: number | null
    readonly path: string
    readonly query: string
  }
  readonly user_agent?: string | null
  /** Present where the mount takes auth tokens; null where the client sent none. */
  readonly auth_token?: string | null
  /** The mount's own pairs. */
  readonly [custom: string]: unknown
}

/** What became of the subprotocol header; `authToken` is undefined where the mount takes no tokens. */
interface Offer {
  readonly offered: string
  readonly authToken?: string | null
}

const PROTOCOL_HEADER = 'sec-websocket-protocol'

const headersWith = (request: RequestHead, test: (name: string) => boolean): Headers =>
  request.headers.filter(([name]) => test(name))

/** How each key is read. `offered` is the subprotocol header without the token. */
const readers = {
  peer_data: ({ peer }: RequestHead) => ({ address: peer.address, port: peer.port }),
  trace_context_headers: (request: RequestHead) =>
    headersWith(request, (name) => name === 'traceparent' || name === 'tracestate'),
  x_headers: (request: RequestHead) => headersWith(request, (name) => name.startsWith('x-')),
  sec_websocket_headers(request: RequestHead, offered: string): Headers {
    const others = headersWith(
      request,
      (name) => name.startsWith('sec-websocket-') && name !== PROTOCOL_HEADER,
    )
    return offered === '' ? others : [...others, [PROTOCOL_HEADER, offered]]
  },
  uri(request: RequestHead) {
    const { scheme, path, query } = request
    const { host, port } = parseOrigin(`${scheme}://${header(request, 'host') ?? ''}`)
    return { scheme, host: host || null, port, path, query }
  },
  user_agent: (request: RequestHead) => header(request, 'user-agent') ?? null,
}

export type ConnectInfoKey = keyof typeof readers
/** A key, or pairs that are copied as they are (C1.38). */
export type ConnectInfoKeys = readonly (ConnectInfoKey | Readonly<Record<string, unknown>>)[]

/** For start-up (C1.39). Throws TypeError for an unknown key, and for pairs that are no plain object. */
export function validateConnectInfoKeys(keys: readonly unknown[]): asserts keys is ConnectInfoKeys {
  for (const key of keys) {
    const isKnown = typeof key === 'string' && Object.hasOwn(readers, key)
    const isPairs = typeof key === 'object' && key !== null && !Array.isArray(key)
    if (isKnown || isPairs) continue
    const known = Object.keys(readers).join(', ')
    throw new TypeError(
      `connect_info: ${JSON.stringify(key)} is none of ${known}, nor {key: value}`,
    )
  }
}

/** Collects the listed keys, and `auth_token` where the mount takes tokens (C1.31 to C1.38). */
export function connectInfo(
  keys: ConnectInfoKeys,
  request: RequestHead,
  offer: Offer,
): ConnectInfo {
  const { offered, authToken } = offer
  const info: Record<string, unknown> = authToken === undefined ? {} : { auth_token: authToken }
  for (const key of keys) {
    if (typeof key === 'string') info[key] = readers[key](request, offered)
    else Object.assign(info, key)
  }
  return info as ConnectInfo
}
