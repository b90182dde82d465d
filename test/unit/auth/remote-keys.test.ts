import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import type { PublicKey } from '../../../server/auth/public-keys.ts'
import { RemoteKeys, type RemoteKeysOptions } from '../../../server/auth/remote-keys.ts'
import { type KeyServer, startKeyServer } from '../../support/key-server.ts'
import { jwkOf } from '../../support/tokens.ts'

const named = (kid: string) => (key: PublicKey) => key.kid === kid

describe('remote keys', () => {
  let server: KeyServer
  let remote: RemoteKeys | undefined
  let errors: unknown[] = []

  beforeEach(async () => {
    errors = []
    server = await startKeyServer({ keys: [jwkOf('ES256', 'k1')] })
  })
  afterEach(async () => {
    remote?.close()
    await server.stop()
  })

  function start(options: Partial<RemoteKeysOptions> = {}): RemoteKeys {
    const onError = (error: unknown) => errors.push(error)
    remote = new RemoteKeys({ url: server.url, onError, cooldownMs: 0, ...options })
    return remote
  }

  /** The names of the keys that are found. */
  const find = async (keys: RemoteKeys, kid: string) =>
    (await keys.find(named(kid))).map((key) => key.kid)

  /** What became of the only fetch. */
  const causes = () => errors.map((error) => String((error as Error).cause))

  it('are fetched once, however many ask', async () => {
    const keys = start()
    const found = await Promise.all([find(keys, 'k1'), find(keys, 'k1'), find(keys, 'k1')])
    expect(found).to.deep.equal([['k1'], ['k1'], ['k1']])
    expect(await find(keys, 'k1')).to.deep.equal(['k1'])
    expect(server.asked).to.equal(1)
  })

  it('are fetched again where none matches: a new key is there, an old one gone', async () => {
    const keys = start()
    expect(await find(keys, 'k1')).to.deep.equal(['k1'])
    server.answer = { keys: [jwkOf('ES256', 'k2'), jwkOf('EdDSA', 'k3')] }
    expect(await find(keys, 'k1')).to.deep.equal(['k1'])
    expect(await find(keys, 'k2')).to.deep.equal(['k2'])
    expect(await find(keys, 'k3')).to.deep.equal(['k3'])
    expect(await find(keys, 'k1')).to.deep.equal([])
  })

  it('are not fetched more often than they may, whatever is asked for', async () => {
    const keys = start({ cooldownMs: 60_000 })
    expect(await find(keys, 'k1')).to.deep.equal(['k1'])
    for (const kid of ['a', 'b', 'c']) expect(await find(keys, kid)).to.deep.equal([])
    expect(server.asked).to.equal(1)
  })

  it('are fetched from time to time', async () => {
    const keys = start({ refreshMs: 50 })
    await find(keys, 'k1')
    await server.next()
    await server.next()
    expect(server.asked).to.be.at.least(3)
  })

  it('count while they cannot be fetched, of which only the first failure is told', async () => {
    const keys = start()
    await find(keys, 'k1')
    server.answer = (response) => response.writeHead(500).end()
    await find(keys, 'k2')
    await find(keys, 'k2')
    expect(await find(keys, 'k1')).to.deep.equal(['k1'])
    expect(causes()).to.deep.equal(['Error: status 500'])
    server.answer = { keys: [jwkOf('ES256', 'k2')] }
    expect(await find(keys, 'k2')).to.deep.equal(['k2'])
    server.answer = (response) => response.writeHead(404).end()
    await find(keys, 'k3')
    expect(causes()).to.deep.equal(['Error: status 500', 'Error: status 404'])
  })

  it('are none while nobody listens, and there once somebody does', async () => {
    const { port } = new URL(server.url)
    await server.stop()
    const keys = start()
    expect(await find(keys, 'k1')).to.deep.equal([])
    expect(await find(keys, 'k1')).to.deep.equal([])
    expect(errors).to.have.length(1)
    server = await startKeyServer({ keys: [jwkOf('ES256', 'k1')] }, Number(port))
    expect(await find(keys, 'k1')).to.deep.equal(['k1'])
  })

  const USELESS: Readonly<Record<string, readonly [KeyServer['answer'], RegExp]>> = {
    'a set without keys': [{ keys: [] }, /no key for/],
    'keys for other purposes': [{ keys: [{ kty: 'oct', k: 'AAAA' }] }, /no key for/],
    'no set': [{ key: 1 }, /no key for/],
    'more than 64 keys': [{ keys: new Array(65).fill(jwkOf('ES256', 'k1')) }, /no key for/],
    'no JSON': [(response) => response.end('<html>'), /SyntaxError/],
    'a megabyte': [(response) => response.end('x'.repeat(1_048_576)), /more than 262144 bytes/],
    'a redirection': [
      (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      /fetch failed/,
    ],
  }
  for (const [what, [answer, problem]] of Object.entries(USELESS)) {
    it(`are none in ${what}`, async () => {
      server.answer = answer
      expect(await find(start(), 'k1')).to.deep.equal([])
      expect(causes()[0]).to.match(problem)
    })
  }

  it('are none where the answer does not come in time', async () => {
    server.answer = (response) => response.write('{"keys":[')
    expect(await find(start({ timeoutMs: 50 }), 'k1')).to.deep.equal([])
    expect(causes()[0]).to.match(/TimeoutError/)
  })

  it('are no longer fetched once closed, and nothing is told of that', async () => {
    server.answer = () => undefined
    const keys = start()
    await server.next()
    const found = find(keys, 'k1')
    keys.close()
    expect(await found).to.deep.equal([])
    expect(errors).to.deep.equal([])
  })
})
