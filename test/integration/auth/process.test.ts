import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { after, afterEach, before, describe, it } from 'mocha'
import { ok, type Payload, phoenixAgent, refusalOf } from '../../support/agent-client.ts'
import { openUpgrade } from '../../support/http.ts'
import { type KeyServer, startKeyServer } from '../../support/key-server.ts'
import {
  closeSockets,
  joinChannel,
  joinRefused,
  openSocket,
  pushError,
} from '../../support/phoenix-client.ts'
import { phoenixToken, SALT, SECRET_KEY_BASE } from '../../support/phoenix-token.ts'
import { type ServerProcess, startServer } from '../../support/server-process.ts'
import {
  ALL,
  claims,
  ecdsa,
  hmac,
  inSeconds,
  jwkOf,
  jws,
  KEYS,
  SECRET,
  token,
} from '../../support/tokens.ts'
import { connectWire, terminateWires } from '../../support/wire-client.ts'

const ADMIN_TOKEN = 's3cret-of-the-administrator'
const NEXT_SECRET = 'the secret after that one, which is as long'
/** For what the server looks at from time to time: its file of secrets, a set of keys. */
const NOTICED_MS = 15_000
const AGAIN_MS = 100

const BEARER = 'base64url.bearer.phx.'
const SUBPROTOCOL = 'sec-websocket-protocol'

describe('a server that verifies tokens', function () {
  this.timeout(40_000)
  let directory = ''
  let secretFile = ''
  let keys: KeyServer
  let server: ServerProcess
  /** Every token that was shown to the server. */
  const shown: string[] = []

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tokens-'))
    secretFile = join(directory, 'secrets')
    writeFileSync(secretFile, SECRET)
    keys = await startKeyServer({ keys: [jwkOf('ES256', 'k1')] })
    server = await startServer({
      PORT: '0',
      DATA_DIR: join(directory, 'data'),
      LOG_LEVEL: 'debug',
      LOCALE: 'en',
      AUTH_SECRET_FILE: secretFile,
      AUTH_PUBLIC_KEY: KEYS.EdDSA.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      AUTH_JWKS_URL: keys.url,
      PHOENIX_SECRET_KEY_BASE: SECRET_KEY_BASE,
      PHOENIX_TOKEN_SALT: SALT,
      ADMIN_TOKEN,
    })
  })
  afterEach(async () => {
    terminateWires()
    await closeSockets()
  })
  after(async () => {
    await server?.kill9()
    await keys?.stop()
    rmSync(directory, { recursive: true })
  })

  const show = (text: string): string => {
    shown.push(text)
    return text
  }

  /** What the server answers to an upgrade. */
  async function upgraded(params: Readonly<Record<string, string>>, authToken?: string) {
    const url = new URL('/socket/websocket?vsn=2.0.0', server.url)
    for (const [name, value] of Object.entries(params)) url.searchParams.append(name, value)
    const offered = `phoenix, ${BEARER}${btoa(authToken ?? '')}`
    const headers = authToken === undefined ? {} : { [SUBPROTOCOL]: offered }
    return openUpgrade(url.href, headers)
  }

  const statusWith = async (text: string): Promise<number> =>
    (await upgraded({ token: show(text) })).status

  const ES256 = (kid: string) => jws({ alg: 'ES256', kid }, claims(), ecdsa(KEYS.ES256.privateKey))

  /** Asked again until this is the status, as nothing announces it. */
  async function untilStatus(wanted: number, text: string): Promise<void> {
    const deadline = performance.now() + NOTICED_MS
    while ((await statusWith(text)) !== wanted) {
      if (performance.now() > deadline) throw new Error(`not ${wanted} in time`)
      await sleep(AGAIN_MS)
    }
  }

  it('answers 403 before the upgrade to whom has no valid one', async () => {
    const refused = [
      await upgraded({}),
      await upgraded({ token: '' }),
      await upgraded({ 'token[]': show(token()) }),
      await upgraded({ token: show(token({ exp: inSeconds(-1) })) }),
      await upgraded({ token: show(token({ nbf: inSeconds(60) })) }),
      await upgraded({ token: show(token({ sub: undefined })) }),
      await upgraded({ token: show(token({}, NEXT_SECRET)) }),
      await upgraded({ token: show(jws({ alg: 'none' }, claims(), () => Buffer.alloc(0))) }),
      await upgraded({ token: show(jws({ alg: 'HS512' }, claims(), hmac(SECRET, 'sha512'))) }),
      await upgraded({ token: show(phoenixToken(claims(), Date.now() + 60_000)) }),
      await upgraded({ claims: JSON.stringify(claims()) }),
      await upgraded({ token: show(token()) }, show('not a token')),
    ]
    for (const { status, body } of refused) expect([status, body]).to.deep.equal([403, ''])
  })

  it('lets in with every means that it has', async () => {
    const { EdDSA } = KEYS
    const tokens = {
      HS256: token(),
      EdDSA: jws({ alg: 'EdDSA' }, claims(), EdDSA.signer(EdDSA.privateKey)),
      'ES256 of a JWK Set': ES256('k1'),
      'Phoenix.Token': phoenixToken(claims()),
    }
    for (const [what, text] of Object.entries(tokens)) {
      expect(await statusWith(text), what).to.equal(101)
      expect((await upgraded({}, show(text))).status, what).to.equal(101)
    }
  })

  it('makes phoenix.js the operator of its token, which comes by params or authToken', async () => {
    const byParams = await phoenixAgent(server, {}, { params: { token: show(token()) } })
    ok(await byParams.queryModify('customers', [{ field: 'limit', operation: 'add', value: 1 }]))
    const authToken = show(token({ sub: 'another' }))
    const socket = await openSocket(`${server.url}/socket`, { authToken } as object)
    const channel = socket.channel('agent:session123', { businessId: 'business123' })
    await joinChannel(channel)
    const nested = { sessionId: 'session123', businessId: 'business123', permissions: ALL }
    const request = (operatorId: string) => ({
      sessionId: 'session123',
      payload: { ...nested, operatorId },
    })
    const refused = await pushError(channel, 'agent_authenticate', request('operator456'))
    expect(refused).to.include({ code: 'permission_denied' })
    channel.push('agent_authenticate', request('another'))
    await byParams.event('presence_diff', ({ joins }) => 'another' in (joins as Payload))
  })

  it('keeps an operator to the business of its token, and to what that grants', async () => {
    const params = { token: show(token({ permissions: ['agent_access', 'query.history'] })) }
    const socket = await openSocket(`${server.url}/socket`, { params })
    const foreign = socket.channel('agent:session123', { businessId: 'business456' })
    expect(await joinRefused(foreign)).to.deep.equal({
      success: false,
      code: 'permission_denied',
      message: 'Permission denied',
    })
    const who = { permissions: ['agent_access', 'query.history'] }
    const agent = await phoenixAgent(server, who, { params })
    ok(await agent.history())
    expect(refusalOf(await agent.modifyQuery('customers', { limit: 1 }))).to.equal(
      'permission_denied',
    )
  })

  it('sends away all sockets of an operator when it is told to', async () => {
    const connect = (sub: string) => {
      const params = { token: show(token({ sub })) }
      return connectWire(server.url, { params })
    }
    const [own, again, other] = [await connect('a/b'), await connect('a/b'), await connect('a')]
    const answer = await fetch(`${server.url}/admin/disconnect`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
      body: JSON.stringify({ businessId: 'business123', operatorId: 'a/b' }),
    })
    expect(answer.status).to.equal(202)
    for (const wire of [own, again]) expect((await wire.closed).code).to.equal(1001)
    await other.fence()
    // The token is as valid as before.
    await (await connect('a/b')).fence()
  })

  it('takes secrets of its file that were added, and no more those that were removed', async () => {
    const write = (text: string) => {
      writeFileSync(`${secretFile}.new`, text)
      renameSync(`${secretFile}.new`, secretFile)
    }
    const connected = await connectWire(server.url, { params: { token: show(token()) } })
    write(`${NEXT_SECRET}\n${SECRET}\n`)
    await untilStatus(101, token({}, NEXT_SECRET))
    expect(await statusWith(token())).to.equal(101)
    write(NEXT_SECRET)
    await untilStatus(403, token())
    expect(await statusWith(token({}, NEXT_SECRET))).to.equal(101)
    await connected.fence()
  })

  it('takes keys that are new in the JWK Set, and no more those that are gone', async () => {
    keys.answer = { keys: [jwkOf('ES256', 'k2')] }
    await untilStatus(101, ES256('k2'))
    expect(await statusWith(ES256('k1'))).to.equal(403)
  })

  it('has told its log why it refused, but no token, and no secret', () => {
    const output = server.output()
    for (const reason of ['missing', 'expired', 'not_yet_valid', 'claims', 'signature']) {
      expect(output).to.contain(`"reason":"${reason}"`)
    }
    expect(output).to.contain('"msg":"connected"')
    const secrets = [SECRET, NEXT_SECRET, SECRET_KEY_BASE, SALT, ADMIN_TOKEN]
    for (const text of shown) secrets.push(text, text.split('.').at(-1) || text)
    for (const secret of secrets) expect(output.includes(secret), secret).to.equal(false)
  })
})

describe('a server whose JWK Set cannot be fetched', function () {
  this.timeout(40_000)

  it('starts, refuses tokens, and says so once', async () => {
    const keys = await startKeyServer()
    await keys.stop()
    const directory = mkdtempSync(join(tmpdir(), 'tokens-'))
    const server = await startServer({ PORT: '0', DATA_DIR: directory, AUTH_JWKS_URL: keys.url })
    try {
      const url = new URL('/socket/websocket', server.url)
      url.searchParams.append(
        'token',
        jws({ alg: 'ES256' }, claims(), () => Buffer.alloc(64)),
      )
      for (let each = 0; each < 3; each += 1) {
        expect((await openUpgrade(url.href)).status).to.equal(403)
      }
      await server.stop()
      const lines = server.output().split('\n')
      const complaints = lines.filter((line) => line.includes('keys could not be fetched'))
      expect(complaints).to.have.length(1)
      expect(server.output()).to.contain('"reason":"unknown_key"')
      expect(server.output()).not.to.contain('open mode')
    } finally {
      await server.kill9()
      rmSync(directory, { recursive: true })
    }
  })
})
