import { Agent, type IncomingMessage, request } from 'node:http'
import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import type { AppOptions } from '../../server/app.ts'
import { ask, openUpgrade } from '../support/http.ts'
import { connectWire, replyTo } from '../support/wire-client.ts'
import { joined, logs, start, startSlowly, stopNodes, stubApp } from './stub-node.ts'

/** A HEAD on the agent's connection. */
function head(url: string, agent: Agent) {
  return new Promise<{ status?: number; length?: string; isReused: boolean }>((resolve, reject) => {
    const asked = request(url, { method: 'HEAD', agent }, (response: IncomingMessage) => {
      const { statusCode: status = 0, headers } = response
      const length = headers['content-length'] ?? ''
      response.once('end', () => resolve({ status, length, isReused: asked.reusedSocket })).resume()
    })
    asked.once('error', reject).end()
  })
}

describe('one node', () => {
  afterEach(stopNodes)

  describe('a node', () => {
    it('serves the app’s socket at /socket/websocket', async () => {
      const node = await start()
      expect(node.webSocketUrl).to.equal(`${node.url.replace('http', 'ws')}/socket/websocket`)
      const wire = await joined(node.url)
      wire.push({ topic: 'room:1', event: 'echo', ref: '2', joinRef: 'j', payload: { a: 1 } })
      const { payload } = await wire.next(replyTo('2'))
      expect(payload).to.deep.equal({ status: 'ok', response: { a: 1 } })
    })

    it('hands the app its part of the configuration', async () => {
      const stub = stubApp()
      const modules = { COMMANDS: 'c.mjs', REPOSITORIES: 'r.mjs' }
      await start({ DATA_DIR: '/d', LOCALE: 'en', FOUR_EYES: '1', ...modules }, stub.create)
      const { presence, pubsub, onError, onRateLimited, ...given } = stub.options as AppOptions
      expect(presence).to.be.an('object')
      for (const listener of [onError, onRateLimited]) expect(listener).to.be.a('function')
      expect(given).to.deep.equal({
        dataDir: '/d',
        locale: 'en',
        commands: 'c.mjs',
        repositories: 'r.mjs',
        fourEyes: true,
        operationsPerOperator: { perSecond: 10_000, burst: 20_000 },
      })
    })

    it('logs what the app reports, and warns once that it is open', async () => {
      const stub = stubApp()
      await start({}, stub.create)
      stub.options?.onError(new Error('in the background'))
      expect(logs.filter((line) => line.includes('"warn"'))).to.have.length(1)
      expect(logs.filter((line) => line.includes('in the background'))).to.have.length(1)
    })

    it('logs no more of what the app reports than anybody can read', async () => {
      const stub = stubApp()
      await start({}, stub.create)
      for (let count = 0; count < 5_000; count += 1) stub.options?.onError(new Error('flood'))
      expect(logs.filter((line) => line.includes('flood')).length).to.be.within(10, 100)
    })

    it('gives connect the params, the auth token, the peer and the user agent', async () => {
      const stub = stubApp()
      const { url } = await start({}, stub.create)
      await connectWire(url, {
        params: { a: '1' },
        headers: { 'user-agent': 'test' },
        protocols: ['phoenix', `base64url.bearer.phx.${btoa('a.b.cd')}`],
      })
      const [params, info] = stub.connects[0] ?? []
      expect(params).to.include({ a: '1' })
      expect(info).to.deep.include({ auth_token: 'a.b.cd', user_agent: 'test' })
      expect(info).to.have.nested.property('peer_data.address', '127.0.0.1')
    })

    it('answers 403 to whom the app refuses', async () => {
      const { webSocketUrl } = await start()
      expect((await openUpgrade(`${webSocketUrl}?reject=yes`)).status).to.equal(403)
    })

    it('checks origins by CHECK_ORIGIN and PUBLIC_HOST', async () => {
      const statusOf = async (env: Readonly<Record<string, string>>, origin: string) => {
        const { webSocketUrl } = await start(env)
        return (await openUpgrade(webSocketUrl, { origin })).status
      }
      expect(await statusOf({}, 'https://app.example')).to.equal(403)
      expect(await statusOf({ PUBLIC_HOST: 'app.example' }, 'https://app.example')).to.equal(101)
      expect(await statusOf({ CHECK_ORIGIN: 'false' }, 'https://app.example')).to.equal(101)
      expect(await statusOf({ CHECK_ORIGIN: '//a.com' }, 'https://a.com')).to.equal(101)
      expect(await statusOf({ CHECK_ORIGIN: '//a.com' }, 'https://localhost')).to.equal(403)
    })

    it('takes a message of exactly MAX_FRAME_BYTES, and closes with 1009 past it', async () => {
      const { url } = await start({ MAX_FRAME_BYTES: '70000' })
      const wire = await joined(url)
      const message = (bytes: number) => {
        const empty = JSON.stringify(['j', '2', 'room:1', 'echo', ''])
        return JSON.stringify(['j', '2', 'room:1', 'echo', 'x'.repeat(bytes - empty.length)])
      }
      wire.send(message(70_000))
      await wire.next(replyTo('2'))
      wire.send(message(70_001))
      expect((await wire.closed).code).to.equal(1009)
    })

    it('refuses joins past MAX_CHANNELS_PER_SOCKET', async () => {
      const wire = await joined((await start({ MAX_CHANNELS_PER_SOCKET: '1' })).url)
      wire.push({ topic: 'room:2', event: 'phx_join', ref: '2', joinRef: '2' })
      const { payload } = await wire.next(replyTo('2'))
      expect(payload).to.have.nested.property('response.reason', 'too many channels joined')
    })
  })

  describe('the probes', () => {
    it('are healthy and ready on a node that runs', async () => {
      const { url } = await start()
      for (const path of ['/healthz', '/readyz']) {
        const { status, headers, body } = await ask(url + path)
        expect([status, body], path).to.deep.equal([200, '{"status":"ok"}'])
        expect(headers).to.include({ 'content-type': 'application/json; charset=utf-8' })
      }
    })

    it('answer a HEAD as a GET without its body, on a connection that goes on', async () => {
      const { url } = await start()
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      try {
        const asked = [true, false, false].map((isFirst) => ({ path: '/healthz', isFirst }))
        for (const { path, isFirst } of [...asked, { path: '/none', isFirst: false }]) {
          const { status, length, isReused } = await head(url + path, agent)
          const got = await ask(url + path)
          expect([status, length]).to.deep.equal([got.status, String(got.body.length)])
          expect(isReused).to.equal(!isFirst)
        }
      } finally {
        agent.destroy()
      }
    })

    it('are not ready while the app cannot work', async () => {
      const stub = stubApp()
      const { url } = await start({}, stub.create)
      stub.isReady = false
      const { status, body } = await ask(`${url}/readyz`)
      expect([status, body]).to.deep.equal([503, '{"status":"store"}'])
      expect((await ask(`${url}/healthz`)).status).to.equal(200)
    })

    it('answer while the app starts; clients are told to come back', async () => {
      const { url, finish } = await startSlowly()
      expect((await ask(`${url}/healthz`)).status).to.equal(200)
      const { status, body } = await ask(`${url}/readyz`)
      expect([status, body]).to.deep.equal([503, '{"status":"starting"}'])
      expect((await openUpgrade(`${url}/socket/websocket`)).status).to.equal(503)
      await finish()
      expect((await ask(`${url}/readyz`)).status).to.equal(200)
      expect((await openUpgrade(`${url}/socket/websocket`)).status).to.equal(101)
    })

    it('have Prometheus metrics beside them, with the node’s name', async () => {
      const { url } = await start()
      await joined(url)
      const { status, headers, body } = await ask(`${url}/metrics`)
      expect(status).to.equal(200)
      expect(headers['content-type']).to.match(/^text\/plain/)
      expect(body).to.contain('agent_channels_channels{node="node-1"} 1')
    })
  })
})
