import type { Headers, RequestHead } from '../../../server/transport/request.ts'

/** The headers of a browser's WebSocket, nothing more. */
export const upgradeHeaders: Headers = [
  ['host', 'localhost:4000'],
  ['connection', 'keep-alive, Upgrade'],
  ['upgrade', 'websocket'],
  ['sec-websocket-key', 'dGhlIHNhbXBsZSBub25jZQ=='],
  ['sec-websocket-version', '13'],
]

/** A request that is fine, but for what `changes` says. */
export const upgradeRequest = (changes: Partial<RequestHead> = {}): RequestHead => ({
  method: 'GET',
  path: '/socket/websocket',
  query: 'vsn=2.0.0',
  headers: upgradeHeaders,
  scheme: 'http',
  peer: { address: '127.0.0.1', port: 50_123 },
  ...changes,
})

/** The same with further headers. */
export const withHeaders = (...headers: Headers): RequestHead =>
  upgradeRequest({ headers: [...upgradeHeaders, ...headers] })
