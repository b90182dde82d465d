import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { nameOf, parseRedisUrl, RedisUrlError } from '../../../server/redis/url.ts'

const PLAIN = {
  addresses: [{ host: 'db', port: 6379 }],
  isCluster: false,
  isTls: false,
  username: undefined,
  password: undefined,
  database: 0,
}

describe('a Redis URL', () => {
  const good: readonly (readonly [string, object])[] = [
    ['redis://db', {}],
    ['redis://db/', {}],
    ['redis://db?cluster=false', {}],
    ['rediss://db', { isTls: true }],
    ['redis://db:7000/3', { addresses: [{ host: 'db', port: 7000 }], database: 3 }],
    ['redis://[::1]:7000', { addresses: [{ host: '::1', port: 7000 }] }],
    ['redis://:secret@db', { password: 'secret' }],
    ['redis://ann:s%40%2F%3A@db', { username: 'ann', password: 's@/:' }],
    ['redis://ann:s@c/r:t@db', { username: 'ann', password: 's@c/r:t' }],
    ['redis://db?cluster=true', { isCluster: true }],
    [
      'rediss://:x@a:1,b,[::1]:3?cluster=true',
      {
        addresses: [
          { host: 'a', port: 1 },
          { host: 'b', port: 6379 },
          { host: '::1', port: 3 },
        ],
        isCluster: true,
        isTls: true,
        password: 'x',
      },
    ],
  ]
  for (const [url, parts] of good) {
    it(`may be ${url}`, () => {
      expect(parseRedisUrl(url)).to.deep.equal({ ...PLAIN, ...parts })
    })
  }

  const bad = [
    '',
    'db:6379',
    'http://db',
    'redis://',
    'redis://:secret@',
    'redis://db:0',
    'redis://db:65536',
    'redis://db:port',
    'redis://::1',
    'redis://db/x',
    'redis://db#x',
    'redis://db?cluster=yes',
    'redis://db?clutser=true',
    'redis://a,b',
    'redis://a,,b?cluster=true',
    'redis://a/1?cluster=true',
    'redis://%zz@db',
  ]
  for (const url of bad) {
    it(`may not be ${JSON.stringify(url)}`, () => {
      expect(() => parseRedisUrl(url)).to.throw(RedisUrlError)
    })
  }

  it('is refused without a word of what is in it', () => {
    const secret = 'x9'.repeat(4)
    for (const url of [`redis://:${secret}@`, `redis://%zz:${secret}@db`, `${secret}://db`]) {
      expect(() => parseRedisUrl(url))
        .to.throw(RedisUrlError)
        .and.not.match(/x9/)
    }
  })

  it('is understood or refused, whatever it is', () => {
    const url = fc.oneof(
      fc.string(),
      fc.string().map((rest) => `redis://${rest}`),
    )
    fc.assert(
      fc.property(url, (any) => {
        try {
          expect(parseRedisUrl(any).addresses).not.to.be.empty
        } catch (error) {
          expect(error).to.be.instanceOf(RedisUrlError)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('names a server as a cluster does', () => {
    expect(nameOf({ host: '10.0.0.1', port: 7000 })).to.equal('10.0.0.1:7000')
    expect(nameOf({ host: '::1', port: 7000 })).to.equal('[::1]:7000')
  })
})
