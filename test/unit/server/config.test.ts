import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { SETTINGS } from '../../../server/config/settings.ts'
import { ConfigError, readConfig } from '../../../server/config.ts'
import { jwkOf, KEYS, SECRET } from '../../support/tokens.ts'

type Env = Readonly<Record<string, string>>

const pemOf = (algorithm: keyof typeof KEYS): string =>
  KEYS[algorithm].publicKey.export({ type: 'spki', format: 'pem' }).toString()

/** What a refused start prints. */
function refused(env: Env): string {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  throw new Error(`${JSON.stringify(env)} was allowed`)
}

function allows(key: keyof typeof SETTINGS, texts: readonly string[]): void {
  const { name } = SETTINGS[key]
  for (const text of texts) {
    it(`${name} may be ${text}`, () => {
      expect(() => readConfig({ AUTH_OPEN: '1', [name]: text })).not.to.throw()
    })
  }
}

function refuses(key: keyof typeof SETTINGS, texts: readonly string[]): void {
  const { name, allowed } = SETTINGS[key]
  for (const text of texts) {
    it(`${name} may not be ${JSON.stringify(text)}`, () => {
      const message = `${name} is ${JSON.stringify(text)}, but it must be ${allowed}`
      expect(refused({ [name]: text })).to.equal(message)
    })
  }
}

describe('readConfig', () => {
  it('needs nothing: every variable has a default, or may be absent', () => {
    const { nodeName, ...config } = readConfig({})
    expect(nodeName).to.match(new RegExp(`-${process.pid}$`))
    expect(config).to.deep.equal({
      port: 3000,
      host: '127.0.0.1',
      tlsCert: undefined,
      tlsKey: undefined,
      trustProxy: undefined,
      redisUrl: undefined,
      redisPrefix: 'ac',
      dataDir: './data',
      authSecret: undefined,
      authSecretFile: undefined,
      authPublicKeys: undefined,
      authJwksUrl: undefined,
      authIssuer: undefined,
      authAudience: undefined,
      phoenixSecretKeyBase: undefined,
      phoenixTokenSalt: undefined,
      authOpen: undefined,
      adminToken: undefined,
      fourEyes: undefined,
      checkOrigin: true,
      publicHosts: ['localhost', '127.0.0.1', '[::1]'],
      locale: 'ro',
      maxFrameBytes: 1_048_576,
      maxChannels: 100,
      maxMessagesPerSecond: 5_000,
      maxDepth: 1_024,
      maxJoinsPerSocket: 500,
      maxJoins: 20_000,
      joinWithinMs: 600_000,
      maxConnections: 50_000,
      maxConnectionsPerAddress: 1_000,
      maxConnectsPerAddress: 500,
      unlimitedAddresses: [
        '127.0.0.0/8',
        '::1',
        '10.0.0.0/8',
        '172.16.0.0/12',
        '192.168.0.0/16',
        'fc00::/7',
        'fe80::/10',
      ],
      maxConnectionsPerOperator: 10_000,
      maxOperationsPerOperator: 10_000,
      maxMailboxMessages: 10_000,
      maxMailboxBytes: 16_777_216,
      maxLongPollSessions: 10_000,
      maxBufferedBytes: 4_194_304,
      metricsToken: undefined,
      drainMs: 20_000,
      drainBatch: 100,
      logLevel: 'info',
      commands: undefined,
      repositories: undefined,
      open: true,
    })
  })

  it('reads every variable', () => {
    const config = readConfig({
      PORT: '0',
      HOST: '::1',
      TLS_CERT: './cert.pem',
      TLS_KEY: './key.pem',
      TRUST_PROXY: '10.0.0.0/8, FD00::1',
      NODE_NAME: 'left',
      REDIS_URL: 'redis://redis.example:6380',
      REDIS_PREFIX: 'prod',
      DATA_DIR: '/data',
      AUTH_SECRET: SECRET,
      AUTH_SECRET_FILE: '/secrets',
      AUTH_PUBLIC_KEY: pemOf('ES256'),
      AUTH_JWKS_URL: 'https://id.example.com/jwks',
      AUTH_ISSUER: 'https://id.example.com',
      AUTH_AUDIENCE: 'agents',
      PHOENIX_SECRET_KEY_BASE: 'abcdefgh'.repeat(8),
      PHOENIX_TOKEN_SALT: 'user auth',
      AUTH_OPEN: '1',
      ADMIN_TOKEN: 'admin-admin-admin',
      FOUR_EYES: '1',
      CHECK_ORIGIN: 'https://a.com, //*.B.com',
      PUBLIC_HOST: 'Example.com,[2001:db8::1]',
      LOCALE: 'en',
      MAX_FRAME_BYTES: '2048',
      MAX_CHANNELS_PER_SOCKET: '7',
      MAX_MESSAGES_PER_SECOND: '11',
      MAX_PAYLOAD_DEPTH: '12',
      MAX_JOINS_PER_SECOND_PER_SOCKET: '13',
      MAX_JOINS_PER_SECOND: '14',
      JOIN_WITHIN_MS: '15',
      MAX_CONNECTIONS: '16',
      MAX_CONNECTIONS_PER_ADDRESS: '17',
      MAX_CONNECTS_PER_SECOND_PER_ADDRESS: '18',
      UNLIMITED_ADDRESSES: '10.1.0.0/16, FE80::1',
      MAX_CONNECTIONS_PER_OPERATOR: '19',
      MAX_OPERATIONS_PER_SECOND_PER_OPERATOR: '20',
      MAX_MAILBOX_MESSAGES: '21',
      MAX_MAILBOX_BYTES: '4096',
      MAX_LONGPOLL_SESSIONS: '21',
      MAX_BUFFERED_BYTES: '65536',
      METRICS_TOKEN: 'a-token-of-16-or-more',
      DRAIN_MS: '100',
      DRAIN_BATCH: '10',
      LOG_LEVEL: 'silent',
      COMMANDS: './commands.mjs',
      REPOSITORIES: './repositories.mjs',
    })
    const { authPublicKeys, ...others } = config
    expect(authPublicKeys?.map(({ algorithm }) => algorithm)).to.deep.equal(['ES256'])
    expect(others).to.deep.equal({
      port: 0,
      host: '::1',
      tlsCert: './cert.pem',
      tlsKey: './key.pem',
      trustProxy: ['10.0.0.0/8', 'fd00::1'],
      nodeName: 'left',
      redisUrl: 'redis://redis.example:6380',
      redisPrefix: 'prod',
      dataDir: '/data',
      authSecret: SECRET,
      authSecretFile: '/secrets',
      authJwksUrl: 'https://id.example.com/jwks',
      authIssuer: 'https://id.example.com',
      authAudience: 'agents',
      phoenixSecretKeyBase: 'abcdefgh'.repeat(8),
      phoenixTokenSalt: 'user auth',
      authOpen: '1',
      adminToken: 'admin-admin-admin',
      fourEyes: '1',
      checkOrigin: ['https://a.com', '//*.b.com'],
      publicHosts: ['example.com', '[2001:db8::1]'],
      locale: 'en',
      maxFrameBytes: 2_048,
      maxChannels: 7,
      maxMessagesPerSecond: 11,
      maxDepth: 12,
      maxJoinsPerSocket: 13,
      maxJoins: 14,
      joinWithinMs: 15,
      maxConnections: 16,
      maxConnectionsPerAddress: 17,
      maxConnectsPerAddress: 18,
      unlimitedAddresses: ['10.1.0.0/16', 'fe80::1'],
      maxConnectionsPerOperator: 19,
      maxOperationsPerOperator: 20,
      maxMailboxMessages: 21,
      maxMailboxBytes: 4_096,
      maxLongPollSessions: 21,
      maxBufferedBytes: 65_536,
      metricsToken: 'a-token-of-16-or-more',
      drainMs: 100,
      drainBatch: 10,
      logLevel: 'silent',
      commands: './commands.mjs',
      repositories: './repositories.mjs',
      open: false,
    })
  })

  it('takes an empty variable for an unset one', () => {
    const names = Object.values(SETTINGS).map(({ name }) => name)
    const empty = Object.fromEntries(names.map((name) => [name, '']))
    expect(readConfig(empty)).to.deep.equal(readConfig({}))
  })

  it('gives out what nobody can change', () => {
    const config = readConfig({ CHECK_ORIGIN: '//a.com' })
    for (const part of [config, config.publicHosts, config.checkOrigin]) {
      expect(part).to.be.frozen
    }
  })

  allows('port', ['0', '65535'])
  refuses('port', [
    '3000abc',
    '1e3',
    '-1',
    '65536',
    '0x10',
    '3.5',
    ' 3000',
    '03000',
    '9'.repeat(30),
  ])
  allows('host', ['localhost', '0.0.0.0', '::', 'fe80::1', 'node-1.example.com', 'my_host'])
  refuses('host', ['[::1]', 'a b', 'http://localhost', 'localhost:3000', '-a', 'a..b', 'ü.example'])
  allows('nodeName', ['a', 'node 1 (left)'])
  refuses('nodeName', ['a\nb', '\u200b'])
  refuses('authOpen', ['0', 'true', 'yes', '11'])
  refuses('fourEyes', ['0', 'true', '2'])
  allows('checkOrigin', ['true', 'false', 'https://a.com', '//a.com:81,//*.b.com'])
  refuses('checkOrigin', ['1', 'yes', 'a.com', 'https://a.com,', 'https://', 'true,//a.com', '*'])
  allows('publicHosts', ['a.com', '10.0.0.1', '[::1], b.com'])
  refuses('publicHosts', ['a.com:80', '::1', 'https://a.com', 'a.com,', ',', '*.a.com', '[a.com]'])
  allows('trustProxy', ['10.0.0.1', '172.16.0.0/12,fd00::/8'])
  refuses('trustProxy', ['1', 'true', 'proxy.example', '10.0.0.0/33', '10.0.0.1,'])
  for (const [one, other] of [
    ['TLS_CERT', 'TLS_KEY'],
    ['TLS_KEY', 'TLS_CERT'],
  ] as const) {
    it(`${one} may not be alone`, () => {
      const message = new RegExp(`^${one} is .*, but it means nothing without ${other}$`)
      expect(refused({ [one]: './one.pem' })).to.match(message)
    })
  }
  it('METRICS_TOKEN may not be short, nor what no header can hold; it is not printed', () => {
    for (const METRICS_TOKEN of ['x'.repeat(15), 'x'.repeat(513), `${'x'.repeat(16)} y`]) {
      const message = `METRICS_TOKEN is set, but it must be ${SETTINGS.metricsToken.allowed}`
      expect(refused({ METRICS_TOKEN })).to.equal(message)
    }
  })
  allows('redisUrl', [
    'redis://localhost',
    'rediss://u:p@r.example:6380/1',
    'redis://a,b?cluster=true',
  ])
  for (const text of ['localhost:6379', 'http://localhost', 'redis://:s3cret@']) {
    it(`REDIS_URL may not be ${text}, which is not printed`, () => {
      expect(refused({ REDIS_URL: text })).to.equal(
        `REDIS_URL is set, but it must be ${SETTINGS.redisUrl.allowed}`,
      )
    })
  }
  allows('redisPrefix', ['a', 'prod.eu-1'])
  refuses('redisPrefix', ['a{b}', 'a b', 'x'.repeat(65)])
  refuses('locale', ['RO', 'fr'])
  allows('maxFrameBytes', ['1024', '16777216'])
  refuses('maxFrameBytes', ['1023', '16777217', '1MB', '0'])
  refuses('maxChannels', ['0', '-5', 'Infinity', '100001'])
  allows('maxMessagesPerSecond', ['0', '1000000'])
  refuses('maxMessagesPerSecond', ['-1', '1000001', '5000/s', 'Infinity', '0.5'])
  allows('maxConnections', ['0', '10000000'])
  refuses('maxConnections', ['-1', '10000001', 'none'])
  refuses('joinWithinMs', ['-1', '86400001', '10m'])
  allows('unlimitedAddresses', ['none', '10.0.0.1', '2001:db8::/32, 10.0.0.0/8', '0.0.0.0/0'])
  refuses('unlimitedAddresses', [
    'localhost',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0.0/8,',
    'none,::1',
    '[::1]',
  ])
  allows('maxMailboxBytes', ['1048576', '1073741824'])
  refuses('maxMailboxBytes', ['1023', '0'])
  refuses('maxMailboxMessages', ['0', '1000001'])
  allows('maxLongPollSessions', ['0', '10000000'])
  refuses('maxLongPollSessions', ['-1', '10000001'])
  refuses('maxBufferedBytes', ['65535', '1073741825', '0'])
  refuses('drainMs', ['99', '600001', '20s'])
  refuses('drainBatch', ['0', '100001', 'all'])
  allows('logLevel', ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
  refuses('logLevel', ['INFO', 'verbose', '30', 'constructor', '__proto__'])

  it('wants a mailbox to have room for the largest message', () => {
    expect(refused({ MAX_MAILBOX_BYTES: '4095', MAX_FRAME_BYTES: '4096' })).to.equal(
      'MAX_MAILBOX_BYTES is "4095", but a message that has to wait must fit: at least 4096, as MAX_FRAME_BYTES',
    )
    expect(refused({ MAX_MAILBOX_BYTES: '2048' })).to.match(/at least 1048576, as MAX_FRAME_BYTES$/)
  })

  it('shows the first hundred characters of a long value', () => {
    const shown = `"${'x'.repeat(100)}"`
    expect(refused({ NODE_NAME: 'x'.repeat(201) })).to.match(
      new RegExp(`^NODE_NAME is ${shown}, but`),
    )
  })

  it('refuses in one short line, whatever the value', () => {
    const names = Object.values(SETTINGS).map(({ name }) => name)
    const text = fc.string({ unit: 'binary', maxLength: 2_000 })
    fc.assert(
      fc.property(fc.constantFrom(...names), text, (name, value) => {
        try {
          readConfig({ [name]: value })
        } catch (error) {
          expect(error).to.be.instanceOf(ConfigError)
          expect(String(error)).to.match(new RegExp(`^ConfigError: ${name} is `))
          expect(String(error)).not.to.match(/[\r\n]/)
          expect(String(error).length).to.be.below(1_000)
        }
      }),
    )
  })
})

describe('what verifies tokens (contract 2)', () => {
  const means = {
    AUTH_SECRET: SECRET,
    AUTH_SECRET_FILE: '/secrets',
    AUTH_PUBLIC_KEY: pemOf('EdDSA'),
    AUTH_JWKS_URL: 'http://127.0.0.1:1/jwks',
  }
  for (const [name, value] of Object.entries(means)) {
    it(`ends open mode where ${name} is set: any address will do`, () => {
      expect(readConfig({ HOST: '0.0.0.0', [name]: value }).open).to.equal(false)
    })

    it(`may check an issuer and an audience with ${name}`, () => {
      const wanted = { AUTH_ISSUER: 'i', AUTH_AUDIENCE: 'a' }
      expect(readConfig({ ...wanted, [name]: value })).to.include({ authIssuer: 'i' })
    })
  }

  const phoenix = { PHOENIX_SECRET_KEY_BASE: 's3cret'.repeat(11), PHOENIX_TOKEN_SALT: 's3cret' }

  it('ends open mode where Phoenix.Token is configured', () => {
    expect(readConfig({ ...phoenix, HOST: '0.0.0.0' }).open).to.equal(false)
  })

  it('is not half of what Phoenix.Token needs', () => {
    const { PHOENIX_SECRET_KEY_BASE, PHOENIX_TOKEN_SALT } = phoenix
    expect(refused({ PHOENIX_SECRET_KEY_BASE })).to.equal(
      'PHOENIX_SECRET_KEY_BASE is set, but it means nothing without PHOENIX_TOKEN_SALT',
    )
    expect(refused({ PHOENIX_TOKEN_SALT })).to.equal(
      'PHOENIX_TOKEN_SALT is set, but it means nothing without PHOENIX_SECRET_KEY_BASE',
    )
  })

  for (const name of ['AUTH_ISSUER', 'AUTH_AUDIENCE']) {
    it(`is not ${name} alone, nor beside Phoenix.Token, which has none`, () => {
      for (const beside of [{}, phoenix]) {
        expect(refused({ ...beside, [name]: 'x' })).to.equal(
          `${name} is "x", but it means nothing without AUTH_SECRET, AUTH_SECRET_FILE, AUTH_PUBLIC_KEY, AUTH_JWKS_URL`,
        )
      }
    })
  }

  const { d, ...secret } = { ...jwkOf('ES256'), d: 's3cret' }
  const bad: readonly (readonly [key: keyof typeof SETTINGS, text: string])[] = [
    ['authSecret', 's3cret'.repeat(5)],
    ['authPublicKeys', '-----BEGIN s3cret-----'],
    ['authPublicKeys', KEYS.RS256.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()],
    ['authPublicKeys', `${pemOf('RS256')}s3cret`],
    ['authPublicKeys', '{"kty":"s3cret"}'],
    ['authPublicKeys', '{"keys":[]}'],
    ['authPublicKeys', '{"keys":"s3cret"}'],
    ['authPublicKeys', '{"s3cret'],
    ['authPublicKeys', JSON.stringify({ ...secret, d })],
    ['authPublicKeys', JSON.stringify({ kty: 'oct', k: 's3crets3crets3crets3crets3cret' })],
    ['authPublicKeys', JSON.stringify({ ...jwkOf('ES256'), alg: 'ES384' })],
    ['authPublicKeys', JSON.stringify({ ...jwkOf('ES256'), use: 'enc' })],
    ['authJwksUrl', 'http://example.com/s3cret'],
    ['authJwksUrl', 'http://127.0.0.1.example.com/s3cret'],
    ['authJwksUrl', 'https://user:s3cret@example.com/'],
    ['authJwksUrl', 'file:///s3cret'],
    ['authJwksUrl', 's3cret'],
    ['phoenixSecretKeyBase', 's3cret'],
    ['phoenixTokenSalt', 's3cret\n'],
    ['adminToken', 's3cret'],
    ['adminToken', 's3cret s3cret s3cret'],
  ]
  for (const [key, text] of bad) {
    const { name, allowed } = SETTINGS[key]
    it(`is no ${name} of ${text.slice(0, 40).replaceAll('\n', ' ')}…, which is not printed`, () => {
      expect(refused({ [name]: text })).to.equal(`${name} is set, but it must be ${allowed}`)
    })
  }

  it('may be several keys, with line ends written as backslash and n', () => {
    const text = (pemOf('RS256') + pemOf('EdDSA')).replaceAll('\n', '\\n')
    const keys = readConfig({ AUTH_PUBLIC_KEY: text }).authPublicKeys
    expect(keys?.map(({ algorithm }) => algorithm)).to.deep.equal(['RS256', 'EdDSA'])
  })

  it('may be a JWK, or a set of which some are for other purposes', () => {
    const own = jwkOf('RS256', 'k')
    const one = readConfig({ AUTH_PUBLIC_KEY: JSON.stringify(own) }).authPublicKeys
    expect(one?.map(({ algorithm, kid }) => [algorithm, kid])).to.deep.equal([['RS256', 'k']])
    const keys = [{ ...own, use: 'enc' }, { kty: 'oct', k: 'x' }, null, own, { ...own, kid: 7 }]
    const set = readConfig({ AUTH_PUBLIC_KEY: JSON.stringify({ keys }) }).authPublicKeys
    expect(set).to.have.length(1)
  })
})

describe('open mode (contract 2)', () => {
  for (const host of [
    '127.0.0.1',
    '127.8.9.10',
    '::1',
    '0:0:0:0:0:0:0:1',
    'localhost',
    'LOCALHOST',
  ]) {
    it(`listens on ${host}`, () => {
      expect(readConfig({ HOST: host }).host).to.equal(host)
    })
  }

  const others = [
    '0.0.0.0',
    '::',
    '10.0.0.1',
    '128.0.0.1',
    '127.1',
    '127.0.0.1.example.com',
    'host',
  ]
  for (const host of others) {
    it(`refuses ${host}, unless AUTH_OPEN is 1`, () => {
      expect(refused({ HOST: host })).to.match(/^HOST is ".*", but .* set AUTH_OPEN=1$/)
      expect(readConfig({ HOST: host, AUTH_OPEN: '1' }).host).to.equal(host)
    })
  }
})
