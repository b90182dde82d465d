import { isIPv6 } from 'node:net'

const DEFAULT_PORT = 6379
const MAX_PORT = 65_535

/** One Redis server. `host` is a name or an address, an IPv6 one without brackets. */
export interface RedisAddress {
  readonly host: string
  readonly port: number
}

/** What a Redis URL says. */
export interface RedisTarget {
  /** At least one; where it is a cluster, some of its nodes. */
  readonly addresses: readonly [RedisAddress, ...RedisAddress[]]
  readonly isCluster: boolean
  readonly isTls: boolean
  readonly username: string | undefined
  readonly password: string | undefined
  /** The number of the database; pub/sub has none. */
  readonly database: number
}

/** A URL that names no Redis. The message holds nothing of it: there may be a password in it. */
export class RedisUrlError extends Error {
  override readonly name = 'RedisUrlError'
}

const URL_PARTS = /^(rediss?):\/\/(?:(.*)@)?([^@/?#]+)(?:\/(\d{0,5}))?(?:\?([^#]*))?$/
const ADDRESS = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/

/**
 * Reads `redis://[[user]:password@]host[:port][/database]`, `rediss://…` for TLS, and for a cluster
 * `redis://host1:port1,host2:port2…?cluster=true`. Throws RedisUrlError.
 */
export function parseRedisUrl(url: string): RedisTarget {
  const [, scheme, login, hosts = '', database, query] = URL_PARTS.exec(url) ?? []
  if (scheme === undefined) throw new RedisUrlError('not like redis://user:password@host:port/0')
  const isCluster = parseQuery(query)
  const [first, ...others] = hosts.split(',').map(parseAddress)
  if (!first) throw new RedisUrlError('no host')
  if (others.length > 0 && !isCluster) {
    throw new RedisUrlError('several hosts are a cluster: add ?cluster=true')
  }
  if (isCluster && Number(database) > 0) {
    throw new RedisUrlError('a cluster has the database 0 only')
  }
  return {
    addresses: [first, ...others],
    isCluster,
    isTls: scheme === 'rediss',
    ...parseLogin(login),
    database: Number(database ?? 0),
  }
}

/** `host:port`, as a cluster names its nodes. */
export function nameOf({ host, port }: RedisAddress): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
}

/** An option that is misspelt would be a setting that does not hold. */
function parseQuery(query: string | undefined): boolean {
  if (query === undefined || query === '' || query === 'cluster=false') return false
  if (query === 'cluster=true') return true
  throw new RedisUrlError('the only option is ?cluster=true')
}

function parseAddress(text: string): RedisAddress {
  const [, ipv6, name, digits] = ADDRESS.exec(text) ?? []
  const host = ipv6 ?? name
  const port = Number(digits ?? DEFAULT_PORT)
  if (host === undefined || port < 1 || port > MAX_PORT) {
    throw new RedisUrlError('a host that is not like name:port')
  }
  return { host, port }
}

function parseLogin(login: string | undefined): Pick<RedisTarget, 'username' | 'password'> {
  if (login === undefined) return { username: undefined, password: undefined }
  const colon = login.indexOf(':')
  const [username, password] =
    colon < 0 ? [login, ''] : [login.slice(0, colon), login.slice(colon + 1)]
  return { username: decode(username), password: decode(password) }
}

function decode(text: string): string | undefined {
  try {
    return text === '' ? undefined : decodeURIComponent(text)
  } catch {
    throw new RedisUrlError('a user or password that is not percent-encoded')
  }
}
