/** Every environment variable (contract 2). The README's table is tested against this one. */
import { hostname } from 'node:os'
import {
  host,
  integer,
  type Kind,
  oneOf,
  origins,
  path,
  printable,
  redisPrefix,
  redisUrl,
  urlHosts,
} from './kinds.ts'

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

export type Values = { readonly [K in keyof typeof SETTINGS]: ValueOf<(typeof SETTINGS)[K]> }
