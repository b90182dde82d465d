import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { accept, defineSocket } from '../../../server/index.ts'
import { ask, type PlainAnswer } from '../../support/http.ts'
import { connectWire } from '../../support/wire-client.ts'
import { logs, start, stopNodes, stubApp } from '../stub-node.ts'

const ADMIN_TOKEN = 'the token of the admin, s3cret'.replaceAll(' ', '-')
const WHO = { businessId: 'b/1', operatorId: 'op é' }
/** Percent-encoded (contract 4). */
const SOCKET_ID = 'operator:b%2F1/op%20%C3%A9'

interface Asked {
  readonly method?: string
  readonly authorization?: string | null
  readonly body?: string | Buffer
}

const auth = (token: string): string => `Bearer ${token}`

/** Asks for a disconnect, by default as it should be. */
function disconnect(url: string, asked: Asked = {}): Promise<PlainAnswer> {
  const { method = 'POST', authorization = auth(ADMIN_TOKEN), body = JSON.stringify(WHO) } = asked
  return ask(`${url}/admin/disconnect`, {
    method,
    headers: authorization === null ? {} : { authorization },
    ...(method === 'POST' && { body }),
  })
}

describe('POST /admin/disconnect', () => {
  afterEach(stopNodes)

  /** A node whose clients say which id their socket has. */
  function startWithIds() {
    const { app } = stubApp()
    const connect = ({ id }: { readonly id?: string }) => accept({}, id ?? null)
    const socket = defineSocket({ channels: [], connect })
    return start({ ADMIN_TOKEN }, async () => ({ ...app, socket }))
  }

  it('closes every socket of the operator with 1001, and nobody else’s', async () => {
    const { url } = await startWithIds()
    const own = await Promise.all([1, 2].map(() => connectWire(url, { params: { id: SOCKET_ID } })))
    const others = await Promise.all(
      ['operator:b', 'operator:b%2F1/op', 'operator:b/1/op %C3%A9'].map((id) =>
        connectWire(url, { params: { id } }),
      ),
    )
    const { status, body } = await disconnect(url)
    expect([status, body]).to.deep.equal([202, ''])
    for (const wire of own) expect((await wire.closed).code).to.equal(1001)
    for (const wire of others) await wire.fence()
  })

  it('is logged, without the token', async () => {
    const { url } = await startWithIds()
    await disconnect(url)
    await disconnect(url, { authorization: auth(`${ADMIN_TOKEN}x`) })
    const lines = logs.filter((line) => line.includes('disconnect'))
    expect(lines.map((line) => JSON.parse(line))).to.have.nested.property('[0].operatorId', 'op é')
    expect(logs.join('')).to.contain('an admin request without the admin token')
    expect(logs.join('')).not.to.contain(ADMIN_TOKEN)
  })

  it('is 401 without the admin token', async () => {
    const { url } = await startWithIds()
    const wire = await connectWire(url, { params: { id: SOCKET_ID } })
    const wrong = [
      null,
      '',
      ADMIN_TOKEN,
      auth(''),
      auth(ADMIN_TOKEN.slice(0, -1)),
      auth(`${ADMIN_TOKEN}x`),
      auth(ADMIN_TOKEN.toUpperCase()),
      `Basic ${ADMIN_TOKEN}`,
    ]
    for (const authorization of wrong) {
      const { status, headers, body } = await disconnect(url, { authorization })
      expect(status, String(authorization)).to.equal(401)
      expect(headers['www-authenticate']).to.equal('Bearer')
      expect(body).to.equal('{"errors":{"detail":"Unauthorized"}}')
    }
    await wire.fence()
  })

  it('is 400 for a body that names no operator', async () => {
    const { url } = await startWithIds()
    const bodies = [
      '',
      '{',
      'null',
      '[]',
      '"b"',
      '{"businessId":"b"}',
      '{"businessId":"b","operatorId":""}',
      '{"businessId":"b","operatorId":7}',
      '{"businessId":"b","operatorId":"\\ud800"}',
      JSON.stringify({ businessId: 'b', operatorId: 'o'.repeat(257) }),
      '{"__proto__":{"businessId":"b","operatorId":"o"}}',
      Buffer.from([0xff, 0xfe]),
    ]
    for (const body of bodies) {
      expect((await disconnect(url, { body })).status, String(body)).to.equal(400)
    }
  })

  it('is 413 for a body over 16 KiB, with the admin token or without', async () => {
    const { url } = await startWithIds()
    const body = JSON.stringify({ ...WHO, pad: 'x'.repeat(16_384) })
    expect((await disconnect(url, { body })).status).to.equal(413)
    expect((await disconnect(url, { body, authorization: null })).status).to.equal(413)
    expect((await disconnect(url)).status).to.equal(202)
  })

  it('is 405 for every other method', async () => {
    const { url } = await startWithIds()
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']) {
      const { status, headers } = await disconnect(url, { method })
      expect([status, headers['allow']], method).to.deep.equal([405, 'POST'])
    }
  })

  it('does not exist without ADMIN_TOKEN', async () => {
    const { url } = await start()
    expect((await disconnect(url)).status).to.equal(404)
    expect((await ask(`${url}/admin/disconnect`)).status).to.equal(404)
  })
})
