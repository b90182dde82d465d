import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { openUpgrade } from '../../support/http.ts'
import { type FakeServer, startFake } from './fake-server.ts'

describe('openUpgrade', () => {
  let server: FakeServer

  afterEach(() => server.close())

  it('returns the status, headers and body of a refusal', async () => {
    server = await startFake(() => {})
    const answer = await openUpgrade(`${server.url}/socket/websocket?reject`)
    expect(answer).to.deep.include({ status: 403, body: 'no' })
    expect(answer.headers).to.include({ 'content-length': '2' })
  })

  it('returns 101 when it is accepted, and what is no upgrade as any answer', async () => {
    const origins: unknown[] = []
    server = await startFake(
      (_socket, { headers }) => origins.push(headers.origin),
      (_request, response) => response.writeHead(426).end('upgrade!'),
    )
    expect((await openUpgrade(server.url, { origin: 'http://x' })).status).to.equal(101)
    expect(origins).to.deep.equal(['http://x'])
    const plain = await openUpgrade(server.url, { upgrade: undefined, connection: undefined })
    expect(plain).to.deep.include({ status: 426, body: 'upgrade!' })
  })
})
