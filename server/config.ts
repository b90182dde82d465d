/**
 * The environment, read once at start-up (contract 2). One table says what each variable is; the README's
 * table is tested against it.
 */
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net'
import { hostname } from 'node:os'
import { parseRedisUrl } from './redis/url.ts'
import { compileOriginCheck } from './transport/origin.ts'

/** Its message is one line for the operator: the variable, what it was, and what is allowed. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** How a variable's text is read. */
interface Kind<T> {
  /** Continues the sentence `it must be …`. */
  readonly allowed: string
  /** Undefined: the text is not allowed. */
  readonly parse: (text: string) => T | undefined
}

interface Setting<T> extends Kind<T> {
  readonly name: string
  /** The text that stands for an unset variable; undefined: none does, and the value is undefined. */
  readonly default: string | undefined
  /** What the README says where the default is no fixed text; `none` unless told. */
  readonly defaultInWords?: string
  readonly meaning: string
}

const INTEGER = /^(?:0|[1-9]\d{0,14})$/
const HOST_NAME = /^(?=.{1,253}$)[a-z\d_](?:[\w-]*[a-z\d_])?(?:\.[a-z\d_](?:[\w-]*[a-z\d_])?)*$/i
/** No control characters, no line ends. */
const PRINTABLE = /^\P{C}{1,200}$/u

function integer(min: number, max: number): Kind<number> {
  return {
    allowed: `an integer from ${min} to ${max}`,
    parse(text) {
      const value = INTEGER.test(text) ? Number(text) : Number.NaN
      return value >= min && value <= max ? value : undefined
    },
  }
}

function oneOf<const T extends string>(...values: readonly T[]): Kind<T> {
  return {
    allowed: values.length === 1 ? `${values[0]}, or unset` : `one of ${values.join(', ')}`,
    parse: (text) => values.find((value) => value === text),
  }
}

const printable: Kind<string> = {
  allowed: '1 to 200 printable characters',
  parse: (text) => (PRINTABLE.test(text) ? text : undefined),
}

const path: Kind<string> = {
  allowed: 'a path',
  parse: (text) => text,
}

const host: Kind<string> = {
  allowed: 'an IP address (without brackets) or a host name',
  parse: (text) => (isIP(text) !== 0 || HOST_NAME.test(text) ? text : undefined),
}

/** A host as it stands in a URL. */
const isUrlHost = (text: string): boolean =>
  HOST_NAME.test(text) || isIPv4(text) || (/^\[.*\]$/.test(text) && isIPv6(text.slice(1, -1)))

/** Browsers send hosts in lower case, and hosts are compared as they are written. */
const commaList = (text: string): readonly string[] =>
  Object.freeze(text.split(',').map((entry) => entry.trim().toLowerCase()))

const urlHosts: Kind<readonly string[]> = {
  allowed: 'a comma list of host names and IP addresses, IPv6 in brackets, all without a port',
  parse(text) {
    const hosts = commaList(text)
    return hosts.every(isUrlHost) ? hosts : undefined
  },
}

const origins: Kind<boolean | readonly string[]> = {
  allowed: 'true, false, or a comma list of https://a.com, //b.com:81 or //*.c.com',
  parse(text) {
    if (text === 'true' || text === 'false') return text === 'true'
    const entries = commaList(text)
    try {
      compileOriginCheck(entries, [])
      return entries
    } catch {
      return undefined
    }
  },
}

const redisUrl: Kind<string> = {
  allowed: 'redis://… or rediss://…, or redis://h1,h2…?cluster=true',
  parse(text) {
    try {
      parseRedisUrl(text)
      return text
    } catch {
      return undefined
    }
  },
}

/** In keys, where braces would move the hash tag. */
const redisPrefix: Kind<string> = {
  allowed: '1 to 64 of A-Z a-z 0-9 . _ -',
  parse: (text) => (/^[A-Za-z\d._-]{1,64}$/.test(text) ? text : undefined),
}

/** Every variable this version knows, by the name of its value in {@link Config}. */
export const SETTINGS = {
  port: {
    name: 'PORT',
    default: '3000',
    ...integer(0, 65_535),
    meaning: 'where to listen, exclusively: a taken port is an error; 0 picks a free one',
  },
  host: {
    name: 'HOST',
    default: '127.0.0.1',
    ...host,
    meaning: 'the address to listen on; without tokens only a loopback one, unless `AUTH_OPEN=1`',
  },
  nodeName: {
    name: 'NODE_NAME',
    default: `${hostname()}-${process.pid}`,
    defaultInWords: 'host name + pid',
    ...printable,
    meaning: 'this node’s name in logs and metrics, for people',
  },
  redisUrl: {
    name: 'REDIS_URL',
    default: undefined,
    ...redisUrl,
    meaning:
      '`redis://…`, `rediss://…`, or `redis://h1,h2…?cluster=true`: nodes with the same one share everything; without it the node stands alone',
  },
  redisPrefix: {
    name: 'REDIS_PREFIX',
    default: 'ac',
    ...redisPrefix,
    meaning: 'begins every key and channel in Redis',
  },
  dataDir: {
    name: 'DATA_DIR',
    default: './data',
    ...path,
    meaning: 'where the embedded store lives when there is no Redis; one server at a time',
  },
  authOpen: {
    name: 'AUTH_OPEN',
    default: undefined,
    defaultInWords: 'unset',
    ...oneOf('1'),
    meaning: '`1` lets a server that verifies no tokens listen on more than a loopback address',
  },
  checkOrigin: {
    name: 'CHECK_ORIGIN',
    default: 'true',
    ...origins,
    meaning:
      'which web pages may connect: `true` those of `PUBLIC_HOST`, `false` any, else a comma list of `https://a.com`, `//b.com:81`, `//*.c.com`',
  },
  publicHosts: {
    name: 'PUBLIC_HOST',
    default: 'localhost,127.0.0.1,[::1]',
    ...urlHosts,
    meaning: 'the hosts under which users reach this server, as a comma list',
  },
  locale: {
    name: 'LOCALE',
    default: 'ro',
    ...oneOf('ro', 'en'),
    meaning: 'the language of `message` fields',
  },
  // A message that has to wait for its channel must fit into the mailbox: 16 MiB.
  maxFrameBytes: {
    name: 'MAX_FRAME_BYTES',
    default: '1048576',
    ...integer(1_024, 16_777_216),
    meaning: 'the size of the largest message; a larger one closes the connection with 1009',
  },
  maxChannels: {
    name: 'MAX_CHANNELS_PER_SOCKET',
    default: '100',
    ...integer(1, 100_000),
    meaning: 'the topics one socket may have joined; a further join is refused',
  },
  drainMs: {
    name: 'DRAIN_MS',
    default: '20000',
    ...integer(100, 600_000),
    meaning: 'how long the way down may take after SIGTERM or SIGINT, in milliseconds',
  },
  logLevel: {
    name: 'LOG_LEVEL',
    default: 'info',
    ...oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    meaning: 'the least severe log lines that are written',
  },
  commands: {
    name: 'COMMANDS',
    default: undefined,
    ...path,
    meaning: 'path of an ES module whose default export is a list of further agent commands',
  },
  repositories: {
    name: 'REPOSITORIES',
    default: undefined,
    ...path,
    meaning:
      'path of an ES module whose default export is a list of repositories beside or instead of the embedded one',
  },
} as const satisfies Readonly<Record<string, Setting<unknown>>>

type ValueOf<S> = S extends {
  readonly default: infer D
  readonly parse: (text: string) => infer V
}
  ? D extends string
    ? Exclude<V, undefined>
    : V
  : never

type Values = { readonly [K in keyof typeof SETTINGS]: ValueOf<(typeof SETTINGS)[K]> }

/** Frozen. Times are milliseconds, sizes bytes. */
export interface Config extends Values {
  /** Open mode: nothing verifies tokens, clients are what they claim to be (contract 2). */
  readonly open: boolean
}

const NO_TOKENS = 'this version does not verify tokens yet: unset it'

/** To ignore these would run a server that is open, or alone, against its operator's will. */
const UNSUPPORTED = new Map([
  ['AUTH_SECRET', NO_TOKENS],
  ['AUTH_JWKS_URL', NO_TOKENS],
  ['AUTH_PUBLIC_KEY', NO_TOKENS],
  ['AUTH_ISSUER', NO_TOKENS],
  ['AUTH_AUDIENCE', NO_TOKENS],
])

/** Variables whose values are never printed; a URL may hold a password. */
const SECRET = /SECRET|TOKEN|PASSWORD|KEY|URL/
const MAX_SHOWN_CHARS = 100

function refusal(name: string, text: string, why: string): ConfigError {
  const was = SECRET.test(name) ? 'set' : JSON.stringify(text.slice(0, MAX_SHOWN_CHARS))
  return new ConfigError(`${name} is ${was}, but ${why}`)
}

function read(setting: Setting<unknown>, text: string | undefined): unknown {
  if (text === undefined) return undefined
  const value = setting.parse(text)
  if (value === undefined) throw refusal(setting.name, text, `it must be ${setting.allowed}`)
  return value
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8)
LOOPBACK.addAddress('::1', 'ipv6')

/** By its text: a name that only resolves to a loopback address today is none. */
function isLoopback(address: string): boolean {
  if (address.toLowerCase() === 'localhost') return true
  const version = isIP(address)
  return version !== 0 && LOOPBACK.check(address, version === 4 ? 'ipv4' : 'ipv6')
}

/** An empty variable counts as unset. Throws ConfigError at the first one that is not allowed. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  for (const [name, why] of UNSUPPORTED) {
    const text = env[name]
    if (text) throw refusal(name, text, why)
  }
  const values = Object.fromEntries(
    Object.entries<Setting<unknown>>(SETTINGS).map(([key, setting]) => [
      key,
      read(setting, env[setting.name] || setting.default),
    ]),
  ) as Values
  const config: Config = Object.freeze({ ...values, open: true })
  if (config.open && !config.authOpen && !isLoopback(config.host)) {
    const why =
      'whoever reaches it there is whom they claim to be: listen on a loopback address, or set AUTH_OPEN=1'
    throw refusal(SETTINGS.host.name, config.host, why)
  }
  return config
}
