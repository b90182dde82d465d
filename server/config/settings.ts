/** Every environment variable (contract 2). The README's table is tested against this one. */
import { hostname } from 'node:os'
import { MIN_SECRET_BYTES } from '../auth/secrets.ts'
import {
  addressRanges,
  bearerToken,
  host,
  integer,
  type Kind,
  keySetUrl,
  oneOf,
  origins,
  path,
  printable,
  publicKeys,
  redisPrefix,
  redisUrl,
  secret,
  urlHosts,
} from './kinds.ts'
import { LIMIT_SETTINGS } from './limit-settings.ts'

export interface Setting<T> extends Kind<T> {
  readonly name: string
  /** The text that stands for an unset variable; undefined: none does, and the value is undefined. */
  readonly default: string | undefined
  /** What the README says where the default is no fixed text; `none` unless told. */
  readonly defaultInWords?: string
  readonly meaning: string
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
    meaning: 'the address to listen on; in open mode only a loopback one, unless `AUTH_OPEN=1`',
  },
  tlsCert: {
    name: 'TLS_CERT',
    default: undefined,
    ...path,
    meaning:
      'path of a certificate in PEM, with its chain: the server then speaks HTTPS and WSS alone',
  },
  tlsKey: {
    name: 'TLS_KEY',
    default: undefined,
    ...path,
    meaning: 'path of its private key in PEM, without a passphrase; both, or neither',
  },
  trustProxy: {
    name: 'TRUST_PROXY',
    default: undefined,
    ...addressRanges,
    meaning:
      'addresses and subnets of your own proxies, as a comma list: from these `X-Forwarded-For` says who the client is',
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
  authSecret: {
    name: 'AUTH_SECRET',
    default: undefined,
    ...secret(MIN_SECRET_BYTES),
    meaning: 'the secret of HS256 tokens, 32 bytes or more',
  },
  authSecretFile: {
    name: 'AUTH_SECRET_FILE',
    default: undefined,
    ...path,
    meaning:
      'path of a file with such secrets, one a line, the newest first; read again every 2 s: all of them count',
  },
  authPublicKeys: {
    name: 'AUTH_PUBLIC_KEY',
    default: undefined,
    ...publicKeys,
    meaning:
      'public keys of RS256, ES256 or EdDSA tokens: one or several in PEM (line ends may be `\\n`), a JWK, or a JWK Set',
  },
  authJwksUrl: {
    name: 'AUTH_JWKS_URL',
    default: undefined,
    ...keySetUrl,
    meaning:
      '`https://…` of a JWK Set with such keys, fetched every 5 min and when a token names a key that is not known',
  },
  authIssuer: {
    name: 'AUTH_ISSUER',
    default: undefined,
    ...printable,
    meaning: 'what the `iss` of a JWT must be',
  },
  authAudience: {
    name: 'AUTH_AUDIENCE',
    default: undefined,
    ...printable,
    meaning: 'what the `aud` of a JWT must be, or hold',
  },
  phoenixSecretKeyBase: {
    name: 'PHOENIX_SECRET_KEY_BASE',
    default: undefined,
    ...secret(20),
    meaning: 'the `secret_key_base` of an Elixir app whose `Phoenix.Token`s are accepted',
  },
  phoenixTokenSalt: {
    name: 'PHOENIX_TOKEN_SALT',
    default: undefined,
    ...printable,
    meaning: 'the salt that it signs them with; both, or neither',
  },
  authOpen: {
    name: 'AUTH_OPEN',
    default: undefined,
    defaultInWords: 'unset',
    ...oneOf('1'),
    meaning: '`1` lets a server in open mode listen on more than a loopback address',
  },
  adminToken: {
    name: 'ADMIN_TOKEN',
    default: undefined,
    ...bearerToken,
    meaning:
      'what `POST /admin/disconnect` asks for, 16 characters or more; without it there is no such route',
  },
  fourEyes: {
    name: 'FOUR_EYES',
    default: undefined,
    defaultInWords: 'unset',
    ...oneOf('1'),
    meaning: '`1`: who created a change may not approve it (rejecting it is allowed)',
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
  ...LIMIT_SETTINGS,
  metricsToken: {
    name: 'METRICS_TOKEN',
    default: undefined,
    ...bearerToken,
    meaning:
      'what `GET /metrics` asks for, as `Authorization: Bearer …`, 16 characters or more; without it everybody may read them',
  },
  drainMs: {
    name: 'DRAIN_MS',
    default: '20000',
    ...integer(100, 600_000),
    meaning: 'how long the way down may take after SIGTERM or SIGINT, in milliseconds',
  },
  drainBatch: {
    name: 'DRAIN_BATCH',
    default: '100',
    ...integer(1, 100_000),
    meaning:
      'the sockets closed at once on the way down, every 100 ms; more of them where `DRAIN_MS` would not do',
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

export type Values = { readonly [K in keyof typeof SETTINGS]: ValueOf<(typeof SETTINGS)[K]> }
