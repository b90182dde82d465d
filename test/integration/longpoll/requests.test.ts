import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { accept, refuse } from '../../../server/index.ts'
import { ask } from '../../support/http.ts'
import { LongPollClient, NDJSON, said } from '../../support/longpoll-client.ts'
import { exchange } from '../../support/raw-http.ts'
import { cleanUp, log, recorded, room, serve } from '../channels/harness.ts'

describe('long-poll: requests', () => {
  afterEach(cleanUp)

  const everywhere = { checkOrigin: false } as const
  const start = '/socket/longpoll?vsn=2.0.0'

  it('the first GET begins a session: HTTP 200, 410 in the body, a token (C4.1, C4.14)', async () => {
    const { url, endpoint } = await serve(room(), { longpoll: {} })
    const answer = await ask(url + start)
    expect(answer.status).to.equal(200)
    const { token, ...rest } = said(answer)
    expect(rest).to.deep.equal({ status: 410, messages: [] })
    expect(token).to.match(/^[\w-]{88}$/)
    expect(answer.headers).to.include({
      'access-control-allow-origin': '*',
      'cache-control': 'no-store',
      'content-type': 'application/json; charset=utf-8',
    })
    expect(endpoint.size.connections).to.equal(1)
  })

  it('is not there unless it is configured', async () => {
    const { url } = await serve(room())
    expect(await ask(url + start)).to.include({ status: 404 })
  })

  it('a preflight is answered with what it asked for (C4.13)', async () => {
    const { url } = await serve(room(), { longpoll: {} })
    const headers = { 'access-control-request-headers': 'content-type, x-phoenix-authtoken' }
    const answer = await ask(url + start, { method: 'OPTIONS', headers })
    expect(answer).to.include({ status: 200, body: '' })
    expect(answer.headers).to.include({
      'access-control-allow-origin': '*',
      'access-control-allow-headers': 'content-type, x-phoenix-authtoken',
      'access-control-allow-methods': 'get, post, options',
      'access-control-max-age': '3600',
    })
  })

  it('a preflight for what is no header’s name is HTTP 400, and none of it comes back', async () => {
    const { url, endpoint } = await serve(room(), { longpoll: {} })
    const crashed = recorded(endpoint.telemetry.crashed)
    for (const asked of ['x-\xe9a', 'x-\x7f', 'x-\xc4\x8d-a']) {
      const [answer] = await exchange(
        url,
        `OPTIONS ${start} HTTP/1.1\r\nHost: localhost\r\nAccess-Control-Request-Headers: ${asked}\r\n\r\n`,
      )
      expect(answer?.status).to.equal(400)
      expect(answer?.headers.has('access-control-allow-headers')).to.equal(false)
      expect(answer?.headers.get('access-control-allow-origin')).to.equal('*')
    }
    expect(crashed.all).to.deep.equal([])
  })

  it('other methods are HTTP 400 (C4.15)', async () => {
    const { url, endpoint } = await serve(room(), { longpoll: {} })
    for (const method of ['PUT', 'DELETE', 'HEAD', 'PATCH']) {
      const answer = await ask(url + start, { method })
      expect(answer, method).to.include({ status: 400, body: '' })
      expect(answer.headers).to.include({ 'access-control-allow-origin': '*' })
    }
    expect(endpoint.size.connections).to.equal(0)
  })

  it('another page’s origin is refused in the body, whatever the method (C4.12)', async () => {
    const { url, endpoint } = await serve(room(), {
      longpoll: { checkOrigin: ['//good.example'] },
    })
    const refused = recorded(endpoint.telemetry.refused)
    for (const method of ['GET', 'POST', 'OPTIONS']) {
      const bad = await ask(url + start, { method, headers: { origin: 'http://evil.example' } })
      expect(bad.status).to.equal(200)
      expect(said(bad)).to.deep.equal({ status: 403 })
      expect(bad.headers).to.include({ 'access-control-allow-origin': '*' })
    }
    expect(refused.all).to.deep.equal(Array(3).fill({ transport: 'longpoll', reason: 'origin' }))
    const good = await ask(url + start, { headers: { origin: 'http://good.example' } })
    expect(said(good).status).to.equal(410)
  })

  it('what the app refuses is 403 in the body, with a reason or without (C4.11)', async () => {
    const { url, endpoint } = await serve(room(), {
      longpoll: everywhere,
      connect: ({ why }) => refuse(why),
    })
    const connected = recorded(endpoint.telemetry.connected)
    for (const query of ['', '&why=banned']) {
      const answer = await ask(url + start + query)
      expect(answer.status).to.equal(200)
      expect(said(answer)).to.deep.equal({ status: 403 })
    }
    expect(connected.all).to.have.length(2)
    expect(connected.all[0]).to.include({ transport: 'longpoll', result: 'error' })
    expect(endpoint.size.connections).to.equal(0)
  })

  it('a version that is not spoken is 403, and the app is not asked (C4.11)', async () => {
    const asked = log<unknown>()
    const { url } = await serve(room(), {
      longpoll: everywhere,
      connect(params) {
        asked.push(params)
        return accept()
      },
    })
    for (const vsn of ['3.0.0', '2', 'x']) {
      expect(said(await ask(`${url}/socket/longpoll?vsn=${vsn}`))).to.deep.equal({ status: 403 })
    }
    expect(asked.all).to.deep.equal([])
  })

  it('an app that throws is HTTP 500, which phoenix.js takes for one to come back after', async () => {
    const { url, endpoint } = await serve(room(), {
      longpoll: everywhere,
      connect: () => Promise.reject(new Error('no database')),
    })
    const crashes = recorded(endpoint.telemetry.crashed)
    const answer = await ask(url + start)
    expect(answer.status).to.equal(500)
    expect(said(answer)).to.deep.equal({ status: 500 })
    expect(crashes.all).to.have.length(1)
  })

  it('the auth token comes in a header of the first GET, where the mount takes it (C4.32, C4.33)', async () => {
    const asked = log<unknown>()
    const options = { ...everywhere, connectInfo: ['x_headers'] as const }
    const connect = (params: unknown, info: unknown) => {
      asked.push({ params: { ...(params as object) }, info })
      return accept()
    }
    const taking = await serve(room(), { longpoll: { ...options, authToken: true }, connect })
    const headers = { 'x-phoenix-authtoken': 'a/secret+token' }
    const { token } = said(await ask(`${taking.url + start}&a=1`, { headers }))
    const body = '[null,"1","phoenix","heartbeat",{}]'
    await ask(`${taking.url + start}&a=2&token=${token}`, { method: 'POST', body })
    const deaf = await serve(room(), { longpoll: options, connect })
    await ask(deaf.url + start, { headers })
    expect(asked.all).to.deep.equal([
      {
        params: { vsn: '2.0.0', a: '1' },
        info: {
          auth_token: 'a/secret+token',
          x_headers: [['x-phoenix-authtoken', 'a/secret+token']],
        },
      },
      {
        params: { vsn: '2.0.0' },
        info: { x_headers: [['x-phoenix-authtoken', 'a/secret+token']] },
      },
    ])
  })

  describe('bad input', () => {
    const invalid = (token: string) => [
      ['none at all', ''],
      ['text', 'bad'],
      ['tampered with', `${token.slice(0, 40)}${token[40] === 'A' ? 'B' : 'A'}${token.slice(41)}`],
      ['cut short', token.slice(0, -1)],
      ['too long', `${token}A`],
      ['very long', 'A'.repeat(5_000)],
    ]

    it('a token that is none: a new session for a GET, 410 for a POST, at once (C4.7, C4.8)', async () => {
      const { url, endpoint } = await serve(room(), { longpoll: {} })
      const { token } = await LongPollClient.open(url)
      const all = invalid(token)
      for (const [what, bad] of all) {
        const polled = said(await ask(`${url + start}&token=${bad}`))
        expect(polled.status, what).to.equal(410)
        expect(polled.token, what)
          .to.match(/^[\w-]{88}$/)
          .and.not.equal(token)
        const posted = await ask(`${url + start}&token=${bad}`, { method: 'POST', body: '[]' })
        expect(said(posted), what).to.deep.equal({ status: 410 })
      }
      expect(endpoint.size.connections).to.equal(1 + all.length)
    })

    it('a token of another server is none (C4.44)', async () => {
      const [one, other] = [
        await serve(room(), { longpoll: {} }),
        await serve(room(), { longpoll: {} }),
      ]
      const { token } = await LongPollClient.open(other.url)
      const polled = said(await ask(`${one.url + start}&token=${token}`))
      expect(polled).to.have.property('status', 410)
      expect(polled.token).not.to.equal(token)
      const posted = await ask(`${one.url + start}&token=${token}`, { method: 'POST', body: '[]' })
      expect(said(posted)).to.deep.equal({ status: 410 })
    })

    it('tokens that are a list or a map are none', async () => {
      const { url } = await serve(room(), { longpoll: {} })
      for (const query of ['token[]=a', 'token[a]=b']) {
        expect(said(await ask(`${url + start}&${query}`)).status).to.equal(410)
        const posted = await ask(`${url + start}&${query}`, { method: 'POST', body: '[]' })
        expect(said(posted)).to.deep.equal({ status: 410 })
      }
    })

    it('a query that is none is HTTP 400', async () => {
      const { url, endpoint } = await serve(room(), { longpoll: {} })
      for (const method of ['GET', 'POST']) {
        expect(await ask(`${url + start}&a=%ff`, { method })).to.include({ status: 400 })
      }
      expect(endpoint.size.connections).to.equal(0)
    })

    it('a body that is too large is HTTP 400, and the session lives (C4.26)', async () => {
      const { url } = await serve(room(), { longpoll: { maxBodyBytes: 100_000 } })
      const client = await LongPollClient.open(url)
      for (const size of [100_001, 500_000]) {
        const body = 'x'.repeat(size)
        const answer = await ask(client.url(), { method: 'POST', body })
        expect(answer).to.include({ status: 400, body: '' })
      }
      await client.join('room:a')
    })

    it('a body without end is cut', async () => {
      const { url } = await serve(room(), { longpoll: { maxBodyBytes: 10_000 } })
      const client = await LongPollClient.open(url)
      const body = 'x'.repeat(10_000_000)
      const failed = await ask(client.url(), { method: 'POST', body }).catch((error) => error.code)
      expect(failed).to.be.oneOf(['ECONNRESET', 'EPIPE'])
      await client.join('room:a')
    })

    it('a line that is no base64 is 400, nothing of its batch is handled, the session lives (C4.22)', async () => {
      const handled = log<unknown>()
      const channel = room({ on: { note: (_socket, payload) => void handled.push(payload) } })
      const { url } = await serve(channel, { longpoll: {} })
      const client = await LongPollClient.open(url)
      await client.join('room:a')
      const fine = '["1","2","room:a","note",{"n":1}]'
      for (const bad of ['!!!', 'abc', 'ab=c', '{"topic":"room:a"}', ' AAAA', 'AA-_']) {
        expect(await client.post(`${fine}\n${bad}\n${fine}`, NDJSON), bad).to.equal(400)
      }
      expect(await client.post(fine, NDJSON)).to.equal(200)
      expect(handled.all).to.deep.equal([{ n: 1 }])
    })

    it('a request that is repeated is handled again, as any other', async () => {
      const handled = log<unknown>()
      const channel = room({ on: { note: (_socket, payload) => void handled.push(payload) } })
      const { url } = await serve(channel, { longpoll: {} })
      const client = await LongPollClient.open(url)
      await client.join('room:a')
      for (const _time of [1, 2]) {
        await client.post('["1","2","room:a","note",{"n":1}]', NDJSON)
      }
      expect(handled.all).to.deep.equal([{ n: 1 }, { n: 1 }])
    })
  })
})
