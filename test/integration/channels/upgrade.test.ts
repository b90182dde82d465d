import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import type { Session } from '../../../server/channel/user-socket.ts'
import { accept, refuse } from '../../../server/index.ts'
import { createLocalPubSub } from '../../../server/pubsub/local.ts'
import type { HttpAnswer } from '../../../server/transport/http.ts'
import { gate } from '../../support/gate.ts'
import { openUpgrade } from '../../support/http.ts'
import { connectWire, terminateWires } from '../../support/wire-client.ts'
import { cleanUp, join, log, member, recorded, room, serve } from './harness.ts'

describe('channels: upgrade', () => {
  afterEach(cleanUp)

  const TARGET = '/socket/websocket?vsn=2.0.0'

  describe('a request for the mount that uWebSockets.js does not take for a handshake', () => {
    it('is answered 400, not left waiting', async () => {
      const { url, endpoint } = await serve(room())
      for (const [path, headers] of [
        ['/socket//websocket?vsn=2.0.0', {}],
        ['/socket/%77ebsocket?vsn=2.0.0', {}],
        [TARGET, { 'sec-websocket-key': 'short' }],
        [TARGET, { 'sec-websocket-key': 'x'.repeat(25) }],
      ] as const) {
        const { status, body } = await openUpgrade(url + path, headers)
        expect(status, path).to.equal(400)
        expect(body).to.match(/sec-websocket-key/)
      }
      expect(endpoint.size.connections).to.equal(0)
    })

    it('is taken with a slash at its end (C1.2)', async () => {
      const { url } = await serve(room())
      expect((await openUpgrade(`${url}/socket/websocket/?vsn=2.0.0`)).status).to.equal(101)
    })
  })

  describe('connects that are decided while another one is taken', () => {
    for (const [name, isLetIn] of [
      ['the first', (who: string | undefined) => who === '1'],
      ['the second', (who: string | undefined) => who === '2'],
    ] as const) {
      it(`are answered each for itself: ${name} is let in, the other refused`, async () => {
        const both = gate()
        const asked = log<string>()
        const { url } = await serve(room(), {
          async connect({ who }) {
            asked.push(who ?? '')
            await both.opened
            return isLetIn(who) ? accept() : refuse()
          },
        })
        const answers = ['1', '2'].map((who) => openUpgrade(`${url}${TARGET}&who=${who}`))
        // Goes on in the very turn of uWebSockets.js in which the second one is asked for.
        await asked.next()
        await asked.next()
        both.open()
        const statuses = (await Promise.all(answers)).map(({ status }) => status)
        expect(statuses.toSorted()).to.deep.equal([101, 403])
        const health = await openUpgrade(`${url}${TARGET}&who=${isLetIn('1') ? 1 : 2}`)
        expect(health.status).to.equal(101)
      })
    }
  })

  describe('a client that goes away while connect decides', () => {
    it('leaves nothing', async () => {
      const slow = gate()
      const asked = log<string>()
      const { url, endpoint } = await serve(room(), {
        async connect({ who }) {
          asked.push(who ?? '')
          if (who === 'slow') await slow.opened
          return accept({}, `user:${who}`)
        },
      })
      const connected = recorded(endpoint.telemetry.connected)
      const opening = connectWire(url, { params: { who: 'slow' } }).catch(() => 'cut')
      await asked.next()
      terminateWires()
      expect(await opening).to.equal('cut')
      slow.open()
      await connected.next()
      await member(url, 'room:a', { params: { who: 'other' } })
      expect(endpoint.size).to.include({ connections: 1, channels: 1 })
    })
  })

  describe('what is not as it must be on our side', () => {
    for (const session of [undefined, null, 'plain']) {
      it(`a session that is ${session} is answered 403, and told: at once, later, and to polls`, async () => {
        const outcome = { accept: session as unknown as Session }
        const { url, endpoint } = await serve(room(), {
          connect: ({ who }) => (who === 'late' ? Promise.resolve(outcome) : outcome),
          longpoll: {},
        })
        const crashes = recorded(endpoint.telemetry.crashed)
        for (const who of ['now', 'late']) {
          expect((await openUpgrade(`${url}${TARGET}&who=${who}`)).status).to.equal(403)
          expect((await crashes.next()).error).to.be.instanceOf(TypeError)
          const poll = await fetch(`${url}/socket/longpoll?vsn=2.0.0&who=${who}`)
          expect(await poll.json()).to.deep.equal({ status: 403 })
          expect((await crashes.next()).error).to.be.instanceOf(TypeError)
        }
        expect(endpoint.size.connections).to.equal(0)
      })
    }

    it('a session that is empty is one of nobody: no id, no assigns', async () => {
      const ids = log<unknown>()
      const channel = room({ on: { look: ({ id, assigns }) => ids.push([id, assigns]) } })
      const outcome = { accept: {} as Session }
      const { url } = await serve(channel, { connect: () => outcome })
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'look' })
      expect(await ids.next()).to.deep.equal([null, {}])
    })

    it('in an error handler ends its own request alone', async () => {
      const { url, endpoint } = await serve(room(), {
        connect: ({ who }) => (who ? refuse('no') : accept()),
        websocket: { errorHandler: () => ({ status: 403, body: {} as string }) },
      })
      const crashes = recorded(endpoint.telemetry.crashed)
      for (const _again of [1, 2]) {
        const outcome = await openUpgrade(`${url}${TARGET}&who=me`).catch(() => 'cut')
        expect(outcome).to.equal('cut')
        expect((await crashes.next()).topic).to.equal(undefined)
      }
      await member(url)
    })

    it('in a pub/sub ends the socket that needs it, with 1011', async () => {
      const pubsub = createLocalPubSub()
      const { url, endpoint } = await serve(room(), {
        pubsub: {
          ...pubsub,
          subscribe(topic, subscriber) {
            if (topic.startsWith('user:')) throw new Error('no pub/sub')
            return pubsub.subscribe(topic, subscriber)
          },
        },
        connect: ({ who }) => accept({}, who ? `user:${who}` : null),
      })
      const crashes = recorded(endpoint.telemetry.crashed)
      const client = await connectWire(url, { params: { who: 'me' } })
      expect(await client.closed).to.include({ code: 1011 })
      expect((await crashes.next()).error).to.have.property('message', 'no pub/sub')
      expect(endpoint.size.connections).to.equal(0)
      await join(await connectWire(url), 'room:a')
    })

    it('in a route is answered 500, or cut, and the next request is served', async () => {
      const routes: readonly (readonly [string, () => HttpAnswer | Promise<HttpAnswer>])[] = [
        ['/fine', () => ({ status: 200, body: 'fine' })],
        [
          '/throws',
          () => {
            throw new Error('route')
          },
        ],
        ['/rejects', () => Promise.reject(new Error('route'))],
        ['/garbage', () => ({ status: 200, body: {} as string })],
        ['/later-garbage', async () => undefined as unknown as HttpAnswer],
      ]
      const { url, endpoint } = await serve(room(), { routes: new Map(routes) })
      const crashes = recorded(endpoint.telemetry.crashed)
      const statusOf = (path: string) =>
        fetch(url + path).then(
          ({ status }) => status,
          () => 'cut',
        )
      for (const [path, expected] of [
        ['/throws', 500],
        ['/rejects', 500],
        ['/garbage', 'cut'],
        ['/later-garbage', 'cut'],
      ] as const) {
        expect(await statusOf(path), path).to.equal(expected)
        await crashes.next()
        expect(await statusOf('/fine')).to.equal(200)
      }
      expect(await statusOf('/nowhere')).to.equal(404)
    })
  })
})
