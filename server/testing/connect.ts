import type { Session, UserSocket } from '../channel/user-socket.ts'
import { type Connect, handshake } from '../transport/handshake.ts'
import type { RequestHead } from '../transport/request.ts'
import { TestEndpoint } from './endpoint.ts'
import { Refused } from './refused.ts'
import { TestSocket } from './socket.ts'

/** Connect params. As in a URL, everything arrives as text. */
export interface ConnectParams {
  readonly [key: string]: Param
}
type Param = string | number | boolean | readonly Param[] | ConnectParams

export interface ConnectOptions {
  /** What `connect` is told of the request. */
  readonly info?: Readonly<Record<string, unknown>>
  /** Where to connect; a node of its own unless told. */
  readonly endpoint?: TestEndpoint
}

/** `a[b]=1&l[]=2`, as phoenix.js writes it. */
function pairsOf(key: string, value: Param): readonly string[] {
  if (typeof value !== 'object') return [`${encodeURIComponent(key)}=${encodeURIComponent(value)}`]
  const isList = Array.isArray(value)
  return Object.entries(value).flatMap(([name, each]) =>
    pairsOf(`${key}[${isList ? '' : name}]`, each as Param),
  )
}

const queryOf = (params: ConnectParams): string =>
  Object.entries(params)
    .flatMap(([key, value]) => pairsOf(key, value))
    .join('&')

/** A browser's WebSocket, of this machine. */
const REQUEST: Omit<RequestHead, 'query'> = {
  method: 'GET',
  path: '/socket/websocket',
  headers: [
    ['host', 'localhost'],
    ['connection', 'Upgrade'],
    ['upgrade', 'websocket'],
    ['sec-websocket-key', 'dGhlIHNhbXBsZSBub25jZQ=='],
    ['sec-websocket-version', '13'],
  ],
  scheme: 'http',
  peer: { address: '127.0.0.1', port: 0 },
}

/**
 * Connects a client that speaks V2. Rejects with Refused where `connect` refuses, throws, or answers something
 * else than `accept(…)` or `refuse(…)`.
 */
export async function connect(
  userSocket: UserSocket,
  params: ConnectParams = {},
  { info = {}, endpoint = new TestEndpoint() }: ConnectOptions = {},
): Promise<TestSocket> {
  let refusal: unknown
  const options = {
    checkOrigin: () => true,
    authToken: false,
    connectInfo: [info],
    pathParams: {},
    errorHandler(reason: unknown) {
      refusal = reason
      return { status: 403, body: '' }
    },
  }
  const request = { ...REQUEST, query: queryOf({ ...params, vsn: '2.0.0' }) }
  const verdict = await handshake(request, options, userSocket.connect as Connect<Session>)
  if (verdict.kind === 'refuse') {
    throw new Refused('connect', refusal, 'error' in verdict ? { cause: verdict.error } : {})
  }
  return new TestSocket(endpoint, userSocket, verdict.codec, verdict.session)
}
