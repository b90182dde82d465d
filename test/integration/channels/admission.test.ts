import { setImmediate } from 'node:timers/promises'
import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { Socket } from 'phoenix'
import { WebSocket } from 'ws'
import { accept, refuse } from '../../../server/index.ts'
import type { ConnectLimits } from '../../../server/transport/admission.ts'
import { gate } from '../../support/gate.ts'
import { openUpgrade } from '../../support/http.ts'
import { connectWire } from '../../support/wire-client.ts'
import { ask, cleanUp, log, member, recorded, room, type ServeOptions, serve } from './harness.ts'

describe('channels: admission', () => {
  afterEach(cleanUp)

  const TARGET = '/socket/websocket?vsn=2.0.0'
  const connect: NonNullable<ServeOptions['connect']> = ({ id, reject }) =>
    reject ? refuse() : accept({}, id ?? null)
  const as = (id: string) => ({ params: { id } })

  /** A server, and what it tells of connects. */
  async function limited(limits: ConnectLimits, options: ServeOptions = {}) {
    const server = await serve(room(), { connect, ...options, limits })
    const { refused, connected, disconnected } = server.endpoint.telemetry
    return {
      ...server,
      refused: recorded(refused),
      connected: recorded(connected),
      ended: recorded(disconnected),
    }
  }

  describe('connections in all', () => {
    it('are as many as may be; one more is answered 503 until another has gone', async () => {
      const { url, endpoint, refused, ended } = await limited({ maxConnections: 2 })
      const [first, other] = await Promise.all([member(url), member(url)])
      const { status, body } = await openUpgrade(url + TARGET)
      expect([status, body]).to.deep.equal([503, 'too many connections'])
      expect(refused.all).to.deep.equal([{ transport: 'websocket', reason: 'node_connections' }])
      await ask(other, 'room:a', 'phx_leave')
      first.close()
      await ended.next()
      await member(url)
      expect(endpoint.size).to.include({ connections: 2 })
    })

    it('that are let in all at once are no more for it', async () => {
      const all = gate()
      const { url, endpoint, refused } = await limited(
        { maxConnections: 2, maxConnectionsPerId: 2 },
        {
          async connect({ id }) {
            await all.opened
            return accept({}, id ?? null)
          },
        },
      )
      const answers = ['a', 'b', 'c', 'd'].map((id) => openUpgrade(`${url}${TARGET}&id=${id}`))
      // The last one is asked for by then: a request of its own comes after it.
      expect((await openUpgrade(`${url}/nothing`)).status).to.equal(404)
      all.open()
      const statuses = (await Promise.all(answers)).map(({ status }) => status)
      expect(statuses.toSorted()).to.deep.equal([101, 101, 503, 503])
      expect(refused.all).to.have.length(2)
      expect(endpoint.size.connections).to.equal(2)
    })

    it('that wait for connect to decide are counted when it has', async () => {
      const gates = new Map(['1', '2', '3'].map((id) => [id, gate()]))
      const asked = log<string>()
      const { url, endpoint, refused } = await limited(
        { maxConnections: 1 },
        {
          async connect({ id = '' }) {
            asked.push(id)
            await gates.get(id)?.opened
            return accept()
          },
        },
      )
      const open = (id: string) => connectWire(url, as(id)).catch(String)
      const [first, ...others] = [...gates.keys()].map(open)
      for (let n = 0; n < 3; n += 1) await asked.next()
      // Out of the server's own handler of the last of them, in which the promise was resolved.
      await setImmediate()
      gates.get('1')?.open()
      expect(await first).to.be.an('object')
      for (const each of gates.values()) each.open()
      expect(await Promise.all(others)).to.deep.equal(
        Array(2).fill('Error: Unexpected server response: 503'),
      )
      expect(refused.all).to.have.length(2)
      expect(endpoint.size).to.include({ connections: 1 })
    })

    it('over the limit leave phoenix.js to try again until there is room', async () => {
      const { url, refused } = await limited({ maxConnections: 1 })
      const first = await connectWire(url)
      const socket = new Socket(`${url.replace('http', 'ws')}/socket`, {
        transport: WebSocket,
        reconnectAfterMs: () => 10,
      })
      const opened = new Promise<void>((resolve) => socket.onOpen(() => resolve()))
      socket.connect()
      try {
        for (let n = 0; n < 2; n += 1) await refused.next()
        first.close()
        await opened
      } finally {
        socket.disconnect()
      }
    })
  })

  describe('connections of one address', () => {
    it('are as many as may be; one more is answered 429', async () => {
      const { url, refused, connected, ended } = await limited({ maxConnectionsPerAddress: 1 })
      const first = await member(url)
      const { status, body } = await openUpgrade(url + TARGET)
      expect([status, body]).to.deep.equal([429, 'too many connections from this address'])
      expect(refused.all).to.deep.equal([{ transport: 'websocket', reason: 'address_connections' }])
      expect(connected.all, 'the app was not asked').to.have.length(1)
      first.terminate()
      await ended.next()
      await member(url)
    })

    it('are any number for an exempt one', async () => {
      const isExempt = (address: string) => address === '127.0.0.1'
      const { url, endpoint } = await limited({ maxConnectionsPerAddress: 1, isExempt })
      for (let n = 0; n < 5; n += 1) await connectWire(url)
      expect(endpoint.size).to.include({ connections: 5 })
    })
  })

  describe('connects of one address', () => {
    it('over the rate are answered 429, whatever they are; later they are not', async () => {
      const clock = { ms: 0 }
      const { url, refused } = await limited({
        connectsPerAddress: { perSecond: 10, burst: 4 },
        now: () => clock.ms,
      })
      const statusOf = async (target = TARGET, headers = {}) =>
        (await openUpgrade(url + target, headers)).status
      expect(await statusOf()).to.equal(101)
      expect(await statusOf(`${TARGET}&reject=1`)).to.equal(403)
      expect(await statusOf('/socket/websocket?vsn=9')).to.equal(403)
      expect(await statusOf(TARGET, { 'sec-websocket-key': 'short' })).to.equal(400)
      const { status, body } = await openUpgrade(url + TARGET)
      expect([status, body]).to.deep.equal([429, 'too many connects from this address'])
      expect(refused.all.at(-1)).to.deep.equal({
        transport: 'websocket',
        reason: 'address_connects',
      })
      expect(await statusOf('/nowhere'), 'no mount').to.equal(404)
      clock.ms = 100
      expect(await statusOf()).to.equal(101)
    })
  })

  describe('connections of one id', () => {
    it('are as many as may be; one more is answered 429, and of another id none', async () => {
      const { url, refused, connected, ended } = await limited({ maxConnectionsPerId: 2 })
      const [first] = await Promise.all([1, 2].map(() => member(url, 'room:a', as('operator:b/1'))))
      const { status, body } = await openUpgrade(`${url + TARGET}&id=operator:b/1`)
      expect([status, body]).to.deep.equal([429, 'too many connections of this operator'])
      expect(refused.all).to.deep.equal([{ transport: 'websocket', reason: 'id_connections' }])
      expect(connected.all.map(({ result }) => result)).to.deep.equal(['ok', 'ok'])
      await member(url, 'room:a', as('operator:b/2'))
      for (let n = 0; n < 3; n += 1) await member(url)
      first?.terminate()
      await ended.next()
      await member(url, 'room:a', as('operator:b/1'))
    })

    it('are counted on until the last has gone, also when they are disconnected', async () => {
      const { url, endpoint, ended } = await limited({ maxConnectionsPerId: 2 })
      for (let round = 0; round < 3; round += 1) {
        for (let n = 0; n < 2; n += 1) await member(url, 'room:a', as('user:1'))
        expect((await openUpgrade(`${url + TARGET}&id=user:1`)).status).to.equal(429)
        endpoint.broadcast('user:1', 'disconnect', {})
        for (let n = 0; n < 2; n += 1) await ended.next()
      }
    })
  })
})
