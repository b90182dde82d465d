/** The one place that knows the client library; what it makes of Redis is in the files beside it. */
import { isIP } from 'node:net'
import { Redis as Client, type RedisOptions } from 'ioredis'
import { RedisClient, standalone } from './client.ts'
import { type NodeEvents, RedisCluster } from './cluster.ts'
import type { Connection, ConnectionEvents } from './link.ts'
import { type Purpose, RedisNode } from './node.ts'
import type { Redis } from './redis.ts'
import { slotOf } from './slot.ts'
import { nameOf, parseRedisUrl, type RedisAddress, type RedisTarget } from './url.ts'

/** How long a connection may take to be made, and then to answer, in milliseconds each. */
const CONNECT_MS = 2000
const HANDSHAKE_MS = 2000
/** How long one that is given up may take to end by itself. */
const DISCONNECT_MS = 100
const MAX_BACKOFF_MS = 2000

export interface ConnectOptions {
  /** `redis://…`, `rediss://…`, or `redis://h1,h2…?cluster=true` (contract 2, REDIS_URL). */
  readonly url: string
  /**
   * Gets why a connection is away, once for each reason, and what listeners of a subscription throw. Nothing
   * in it is secret.
   */
  readonly onError: (error: Error) => void
}

/**
 * Connects, and goes on trying for as long as it takes: it returns at once, and what is asked of it before it
 * is connected waits a moment. Throws RedisUrlError for a URL that is none.
 */
export function connectRedis({ url, onError }: ConnectOptions): Redis {
  const target = parseRedisUrl(url)
  const open = (address: RedisAddress, events: NodeEvents): RedisNode =>
    new RedisNode({
      name: nameOf(address),
      connect: (purpose) => (connection) => openConnection(target, address, purpose, connection),
      ...(target.isCluster && { slotOf }),
      ...events,
    })
  const topology = target.isCluster
    ? new RedisCluster({ seeds: target.addresses, open, onError })
    : standalone(open(target.addresses[0], { onError, onChange() {} }))
  return new RedisClient(topology, target.isCluster)
}

function openConnection(
  target: RedisTarget,
  address: RedisAddress,
  purpose: Purpose,
  events: ConnectionEvents,
): Connection {
  const client = new Client(clientOptions(target, address, purpose))
  let isClosed = false
  let handshake: NodeJS.Timeout | undefined
  let again: NodeJS.Timeout | undefined
  let reason: Error | undefined
  const reset = (): void => {
    // While it is being made, or waits to be made again, there is nothing to give up.
    if (client.status === 'connect' || client.status === 'ready') client.disconnect(true)
  }
  client.on('connect', () => {
    handshake = setTimeout(reset, HANDSHAKE_MS)
  })
  client.on('ready', () => {
    clearTimeout(handshake)
    events.ready()
  })
  client.on('error', (error) => {
    reason = withoutPassword(error, target)
  })
  client.on('close', () => {
    clearTimeout(handshake)
    events.lost(reason)
    reason = undefined
  })
  client.on('end', () => {
    if (isClosed) return
    // By itself it ends only where it fails before there is a socket.
    events.lost(reason)
    again = setTimeout(() => client.connect().catch(() => {}), MAX_BACKOFF_MS)
  })
  client.on('messageBuffer', events.message)
  client.on('smessageBuffer', events.message)
  client.on('moved', events.moved)
  return {
    call: (name, args) => client.call(name, [...args]),
    reset,
    close() {
      isClosed = true
      clearTimeout(again)
      client.disconnect()
    },
  }
}

/** Nothing is queued, sent again or subscribed to again by the library: it does not know what for. */
function clientOptions(
  { username, password, database, isTls }: RedisTarget,
  { host, port }: RedisAddress,
  purpose: Purpose,
) {
  return {
    host,
    port,
    db: database,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(isTls && { tls: isIP(host) ? {} : { servername: host } }),
    protocol: 2,
    disableClientInfo: true,
    connectTimeout: CONNECT_MS,
    disconnectTimeout: DISCONNECT_MS,
    retryStrategy: backoff,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    autoResubscribe: false,
    enableAutoPipelining: purpose === 'commands',
    // A master that became a replica: whoever has its address now is asked next.
    reconnectOnError: ({ message }) => message.startsWith('READONLY '),
  } satisfies RedisOptions
}

/** From 50 ms, doubled each time, up to 2 s; half of it by chance, so that nodes do not all come at once. */
function backoff(attempt: number): number {
  const longest = Math.min(MAX_BACKOFF_MS, 50 * 2 ** Math.min(attempt, 10))
  return longest * (0.5 + Math.random() / 2)
}

/** A server that does not know AUTH repeats its arguments; one that has several addresses gives no message. */
function withoutPassword(error: NodeJS.ErrnoException, { password }: RedisTarget): Error {
  const message = error.message || error.code || 'cannot connect'
  return new Error(password === undefined ? message : message.replaceAll(password, '***'))
}
