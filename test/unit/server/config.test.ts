import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { SETTINGS } from '../../../server/config/settings.ts'
import { ConfigError, readConfig } from '../../../server/config.ts'

type Env = Readonly<Record<string, string>>

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
      redisUrl: undefined,
      redisPrefix: 'ac',
      dataDir: './data',
      authOpen: undefined,
      checkOrigin: true,
      publicHosts: ['localhost', '127.0.0.1', '[::1]'],
      locale: 'ro',
      maxFrameBytes: 1_048_576,
      maxChannels: 100,
      drainMs: 20_000,
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
      NODE_NAME: 'left',
      REDIS_URL: 'redis://redis.example:6380',
      REDIS_PREFIX: 'prod',
      DATA_DIR: '/data',
      AUTH_OPEN: '1',
      CHECK_ORIGIN: 'https://a.com, //*.B.com',
      PUBLIC_HOST: 'Example.com,[2001:db8::1]',
      LOCALE: 'en',
      MAX_FRAME_BYTES: '2048',
      MAX_CHANNELS_PER_SOCKET: '7',
      DRAIN_MS: '100',
      LOG_LEVEL: 'silent',
      COMMANDS: './commands.mjs',
      REPOSITORIES: './repositories.mjs',
    })
    expect(config).to.deep.equal({
      port: 0,
      host: '::1',
      nodeName: 'left',
      redisUrl: 'redis://redis.example:6380',
      redisPrefix: 'prod',
      dataDir: '/data',
      authOpen: '1',
      checkOrigin: ['https://a.com', '//*.b.com'],
      publicHosts: ['example.com', '[2001:db8::1]'],
      locale: 'en',
      maxFrameBytes: 2_048,
      maxChannels: 7,
      drainMs: 100,
      logLevel: 'silent',
      commands: './commands.mjs',
      repositories: './repositories.mjs',
      open: true,
    })
  })

  it('takes an empty variable for an unset one', () => {
    const names = Object.values(SETTINGS).map(({ name }) => name)
    const empty = Object.fromEntries([...names, 'AUTH_SECRET'].map((name) => [name, '']))
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
  allows('checkOrigin', ['true', 'false', 'https://a.com', '//a.com:81,//*.b.com'])
  refuses('checkOrigin', ['1', 'yes', 'a.com', 'https://a.com,', 'https://', 'true,//a.com', '*'])
  allows('publicHosts', ['a.com', '10.0.0.1', '[::1], b.com'])
  refuses('publicHosts', ['a.com:80', '::1', 'https://a.com', 'a.com,', ',', '*.a.com', '[a.com]'])
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
  refuses('drainMs', ['99', '600001', '20s'])
  allows('logLevel', ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
  refuses('logLevel', ['INFO', 'verbose', '30', 'constructor', '__proto__'])

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

describe('what this version cannot do yet', () => {
  const secrets = {
    AUTH_SECRET: 's3cret-s3cret-s3cret-s3cret-s3cret',
    AUTH_PUBLIC_KEY: '-----BEGIN s3cret-----',
    AUTH_JWKS_URL: 'https://user:s3cret@example.com/jwks',
  }
  for (const [name, value] of Object.entries(secrets)) {
    it(`${name} stops the start, and its value is not printed`, () => {
      expect(refused({ [name]: value })).to.match(
        new RegExp(`^${name} is set, but this version does not .*: unset it$`),
      )
    })
  }

  for (const name of ['AUTH_ISSUER', 'AUTH_AUDIENCE']) {
    it(`${name} stops the start`, () => {
      expect(refused({ [name]: 'x' })).to.match(
        new RegExp(`^${name} is "x", but this version does not .*: unset it$`),
      )
    })
  }
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
