import { once } from 'node:events'
import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { within } from '../support/deadline.ts'
import { openUpgrade } from '../support/http.ts'
import { exchange, openTcp } from '../support/raw-http.ts'
import { connectWire, replyTo } from '../support/wire-client.ts'
import { cleanUp, recorded, room, serve } from './channels/harness.ts'
import { joined, logs, start, stopNodes, stubApp } from './stub-node.ts'

const TOKEN = 'a-token-of-16-or-more'
const WEBSOCKET = '/socket/websocket'
/** uWS's own time for a request is 10 s, looked at every few. */
const SLOW_MS = 40_000

const head = (method: string, target: string, headers = ''): string =>
  `${method} ${target} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`

async function statusOf(url: string, bytes: string): Promise<number | undefined> {
  return (await exchange(url, bytes))[0]?.status
}

describe('plain HTTP', () => {
  afterEach(async () => {
    await stopNodes()
    await cleanUp()
  })

  it('says in every answer that it is no page, and that nobody is to guess or frame it', async () => {
    const { url } = await start({ METRICS_TOKEN: TOKEN })
    const requests = [
      head('GET', '/healthz'),
      head('GET', '/metrics'),
      head('GET', '/metrics', `Authorization: Bearer ${TOKEN}\r\n`),
      head('GET', '/none'),
      head('HEAD', '/readyz'),
      head('POST', '/readyz', 'Content-Length: 0\r\n'),
      head('GET', WEBSOCKET),
      head('POST', WEBSOCKET, 'Content-Length: 0\r\n'),
      head('GET', `${WEBSOCKET}?a=%ff`),
    ]
    const answers = (await Promise.all(requests.map((each) => exchange(url, each)))).flat()
    const statuses = answers.map(({ status }) => status)
    expect(statuses).to.deep.equal([200, 401, 200, 404, 200, 405, 400, 400, 400])
    const upgrade = await openUpgrade(url + WEBSOCKET, { origin: 'https://evil.example' })
    expect(upgrade.status).to.equal(403)
    const all = answers.map(({ headers }) => headers)
    for (const headers of [...all, new Map(Object.entries(upgrade.headers))]) {
      expect(headers.get('x-content-type-options')).to.equal('nosniff')
      expect(headers.get('referrer-policy')).to.equal('no-referrer')
      expect(headers.get('x-frame-options')).to.equal('DENY')
      expect(headers.get('cache-control')).to.equal('max-age=0, private, must-revalidate')
      expect(headers.get('content-security-policy')).to.equal(
        "default-src 'none'; frame-ancestors 'none'",
      )
    }
  })

  it('lets a route say its own headers, once each', async () => {
    const headers = { 'content-security-policy': "default-src 'self'", 'x-more': 'yes' }
    const page = () => ({ status: 200, body: '<p>', contentType: 'text/html', headers })
    const { url } = await serve(room(), { routes: new Map([['/page', page]]) })
    const [answer] = await exchange(url, head('GET', '/page'))
    expect(answer?.headers.get('content-security-policy')).to.equal("default-src 'self'")
    expect(answer?.headers.get('x-more')).to.equal('yes')
    expect(answer?.headers.get('x-frame-options')).to.equal('DENY')
  })

  it('sends no header of more than one line, whatever a route says', async () => {
    const bad = (headers: Record<string, string>) => () => ({ status: 200, body: '', headers })
    const routes = new Map([
      ['/split', bad({ 'x-a': 'b\r\nset-cookie: c=d' })],
      ['/feed', bad({ 'x-a': 'b\nset-cookie: c=d' })],
      ['/wide', bad({ 'x-a': 'čć' })],
    ])
    const { url, endpoint } = await serve(room(), { routes })
    const crashed = recorded(endpoint.telemetry.crashed)
    for (const path of routes.keys()) {
      const cut = await exchange(url, head('GET', path)).catch(String)
      expect(cut, path).to.equal('Error: closed after ""')
      expect(String((await crashed.next()).error)).to.match(/^TypeError: the header x-a /)
    }
  })

  it('has exact paths: nothing leads anywhere else', async () => {
    const { url } = await start()
    const paths = [
      '/../../etc/passwd',
      '/%2e%2e/%2e%2e/etc/passwd',
      '/healthz/../metrics',
      '/./healthz',
      '//healthz',
      '/healthz/',
      '/healthz%00',
      '/healthz;a',
      '/%68ealthz',
      '/..%5c..%5cetc',
      '/\\..\\..\\etc',
      '/package.json',
      '/dist/server/main.js',
      `/${'../'.repeat(1_000)}etc/passwd`,
    ]
    for (const path of paths) expect(await statusOf(url, head('GET', path)), path).to.equal(404)
    const query = head('GET', '/healthz?file=../../etc/passwd')
    expect(await statusOf(url, query)).to.equal(200)
  })

  it('reads with GET and HEAD alone', async () => {
    const { url } = await start()
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'NONE']) {
      const [answer] = await exchange(url, head(method, '/healthz', 'Content-Length: 0\r\n'))
      expect([answer?.status, answer?.headers.get('allow')], method).to.deep.equal([
        405,
        'GET, HEAD',
      ])
      expect(await statusOf(url, head(method, '/none', 'Content-Length: 0\r\n'))).to.equal(404)
    }
  })

  it('refuses what is no HTTP/1.1, too large, or ambiguous, and goes on', async () => {
    const { url } = await start()
    const wire = await joined(url)
    const requests: readonly (readonly [bytes: string, status: number])[] = [
      ['GET /healthz HTTP/1.1\r\n\r\n', 400],
      ['GET /healthz HTTP/1.1\r\nHost: a\r\nX: b\nc: d\r\n\r\n', 400],
      [head('GET', '/healthz', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'), 400],
      ['GET /healthz HTTP/1.0\r\n\r\n', 505],
      ['GET /healthz\0 HTTP/1.1\r\nHost: a\r\n\r\n', 505],
      ['\x16\x03\x01\x02\x00\x01\x00\r\n\r\n', 505],
      [head('CONNECT', 'localhost:22'), 505],
      [head('GET', 'http://localhost/healthz'), 505],
      [head('GET', '/healthz', `X-A: ${'b'.repeat(40_000)}\r\n`), 431],
      [head('GET', `/${'b'.repeat(40_000)}`), 431],
      [head('GET', '/healthz', 'X-A: b\r\n'.repeat(200)), 431],
    ]
    for (const [bytes, status] of requests) {
      expect(await statusOf(url, bytes), bytes.slice(0, 60)).to.equal(status)
    }
    wire.push({ topic: 'room:1', event: 'echo', ref: '2', joinRef: 'j' })
    await wire.next(replyTo('2'))
  })

  it('takes the body of a GET for a body, not for the next request', async () => {
    const { url } = await start()
    const smuggled = head('GET', '/metrics')
    const first = head('GET', '/none', `Content-Length: ${smuggled.length}\r\n`)
    const answers = await exchange(url, first + smuggled + head('GET', '/healthz'), 2)
    expect(answers.map(({ status }) => status)).to.deep.equal([404, 200])
  })

  it('waits for nobody who sends a request, or its body, a byte at a time', async function () {
    this.timeout(2 * SLOW_MS)
    const { url } = await start()
    const begun = ['', 'GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: ', head('GET', '/healthz')]
    const body = ['/healthz', '/none', WEBSOCKET].map((path) =>
      head('POST', path, 'Content-Length: 1000000\r\n'),
    )
    const sockets = [...begun, ...body].map((bytes) => openTcp(url, bytes).resume())
    const dripping = setInterval(() => {
      for (const socket of sockets.slice(1)) socket.write('b')
    }, 500)
    try {
      const ends = Promise.all(sockets.map((socket) => once(socket, 'close')))
      await within(ends, SLOW_MS, () => `${sockets.filter(({ closed }) => !closed).length} ends`)
    } finally {
      clearInterval(dripping)
      for (const socket of sockets) socket.destroy()
    }
  })

  it('shows metrics to who has the METRICS_TOKEN, and where there is none to everybody', async () => {
    const closed = await start({ METRICS_TOKEN: TOKEN })
    const asked = (authorization: string) =>
      exchange(closed.url, head('GET', '/metrics', authorization))
    for (const wrong of ['', 'Authorization: Bearer x\r\n', `Authorization: Basic ${TOKEN}\r\n`]) {
      const [answer] = await asked(wrong)
      expect(answer?.status).to.equal(401)
      expect(answer?.headers.get('www-authenticate')).to.equal('Bearer')
    }
    expect((await asked(`Authorization: Bearer ${TOKEN}\r\n`))[0]?.status).to.equal(200)
    expect(await statusOf(closed.url, head('GET', `/metrics?token=${TOKEN}`))).to.equal(401)
    expect(logs.join('')).not.to.include(TOKEN)
    const open = await start()
    expect(await statusOf(open.url, head('GET', '/metrics'))).to.equal(200)
  })

  it('knows the client behind a proxy that TRUST_PROXY names, and believes nobody else', async () => {
    const peerOf = async (env: Readonly<Record<string, string>>) => {
      const stub = stubApp()
      const { url } = await start(env, stub.create)
      await connectWire(url, { headers: { 'x-forwarded-for': '6.6.6.6, 203.0.113.9' } })
      const [, info] = stub.connects[0] ?? []
      return (info as { readonly peer_data: object }).peer_data
    }
    const client = { address: '203.0.113.9', port: 0 }
    expect(await peerOf({ TRUST_PROXY: '127.0.0.0/8' })).to.deep.equal(client)
    expect(await peerOf({ TRUST_PROXY: '10.0.0.1' })).to.include({ address: '127.0.0.1' })
    expect(await peerOf({})).to.include({ address: '127.0.0.1' })
  })

  it('lets nobody write lines into the log', async () => {
    const forged = 'x\r\n{"level":"fatal","msg":"forged"}\n\u001b[2J'
    const { url } = await start({ LOG_LEVEL: 'trace' })
    const encoded = encodeURIComponent(forged)
    await exchange(url, head('GET', `${WEBSOCKET}?${encoded}=${encoded}`, `X-A: ${encoded}\r\n`))
    const wire = await connectWire(url, { params: { [forged]: forged } })
    for (const topic of ['room:1', `room:${forged}`, forged]) {
      for (const event of ['phx_join', 'echo', forged]) {
        const payload = { [forged]: forged }
        wire.push({ topic, event, ref: forged, joinRef: 'j', payload })
      }
    }
    await wire.fence()
    const told = logs.filter((line) => line.includes('forged'))
    expect(told).to.have.length.of.at.least(3)
    for (const line of logs) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: which are what must not be there
      expect(line).to.match(/^[^\x00-\x1f]+\n$/)
      expect(JSON.parse(line)).to.have.property('level').that.is.not.equal('fatal')
    }
  })
})
