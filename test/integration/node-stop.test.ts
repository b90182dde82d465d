import { Agent } from 'node:http'
import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { accept, defineSocket } from '../../server/index.ts'
import { freePort } from '../support/free-port.ts'
import { gate } from '../support/gate.ts'
import { ask, openUpgrade } from '../support/http.ts'
import { Queue } from '../support/queue.ts'
import { rejection, rejectionMessage } from '../support/rejection.ts'
import { connectWire, replyTo } from '../support/wire-client.ts'
import {
  isRefused,
  joined,
  listening,
  logs,
  portOf,
  start,
  stopNodes,
  stubApp,
} from './stub-node.ts'

describe('one node on its way down', () => {
  afterEach(stopNodes)

  describe('a node that stops', () => {
    it('closes every client with 1012, then the app, and listens no more', async () => {
      const stub = stubApp()
      const node = await start({}, stub.create)
      const wires = await Promise.all([joined(node.url), joined(node.url), connectWire(node.url)])
      await node.stop()
      const closes = await Promise.all(wires.map(({ closed }) => closed))
      expect(closes.map(({ code }) => code)).to.deep.equal([1012, 1012, 1012])
      expect(stub.events).to.deep.equal(['closed'])
      expect(await isRefused(Number(new URL(node.url).port))).to.equal(true)
      expect(logs.map((line) => JSON.parse(line).msg)).to.include.members(['stopping', 'stopped'])
    })

    it('lets a handler answer, is not ready meanwhile, and lets nobody in', async () => {
      const stub = stubApp()
      const node = await start({}, stub.create)
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      await ask(`${node.url}/healthz`, { agent })
      const wire = await joined(node.url)
      wire.push({ topic: 'room:1', event: 'wait', ref: '2', joinRef: 'j' })
      await stub.handling.opened
      const stopped = node.stop()
      const { status, body } = await ask(`${node.url}/readyz`, { agent })
      expect([status, body]).to.deep.equal([503, '{"status":"draining"}'])
      agent.destroy()
      stub.waiting.open()
      const { payload } = await wire.next(replyTo('2'))
      expect(payload).to.deep.equal({ status: 'ok', response: { waited: true } })
      expect((await wire.closed).code).to.equal(1012)
      await stopped
    })

    it('lets nobody in whom the app was still deciding on', async () => {
      const stub = stubApp()
      const asked = new Queue<string>(String)
      const decided = gate()
      const connect = async ({ who = '' }: { readonly who?: string }) => {
        asked.push(who)
        if (who) await decided.opened
        return accept()
      }
      const socket = defineSocket({ channels: [stub.room], connect })
      const node = await start({}, async () => ({ ...stub.app, socket }))
      const wire = await joined(node.url)
      wire.push({ topic: 'room:1', event: 'wait', ref: '2', joinRef: 'j' })
      await stub.handling.opened
      const late = openUpgrade(`${node.webSocketUrl}?vsn=2.0.0&who=late`)
      const polling = ask(`${node.url}/socket/longpoll?vsn=2.0.0&who=polling`)
      for (const who of ['late', 'polling']) await asked.next((each) => each === who)
      const stopped = node.stop()
      decided.open()
      expect(await late).to.include({ status: 503 })
      expect(await polling).to.include({ status: 503, body: '{"status":500}' })
      const refusals = logs.map((line) => JSON.parse(line)).filter(({ msg }) => /refused/.test(msg))
      expect(refusals.map(({ msg, reason }) => [msg, reason])).to.deep.equal([
        ['connect refused', 'unavailable'],
        ['connect refused', 'unavailable'],
      ])
      stub.waiting.open()
      await stopped
    })

    it('waits for what the app does that no client waits for', async () => {
      const stub = stubApp()
      const node = await start({}, stub.create)
      const wire = await joined(node.url)
      stub.isBusy = true
      const stopped = node.stop()
      expect((await wire.closed).code).to.equal(1012)
      expect(stub.events).to.deep.equal([])
      stub.isBusy = false
      await stopped
      expect(stub.events).to.deep.equal(['closed'])
    })

    it('accepts nobody from the first moment, for a balancer to try the next node', async () => {
      const stub = stubApp()
      const node = await start({}, stub.create)
      const wire = await joined(node.url)
      wire.push({ topic: 'room:1', event: 'wait', ref: '2', joinRef: 'j' })
      await stub.handling.opened
      const stopped = node.stop()
      expect(await isRefused(Number(new URL(node.url).port))).to.equal(true)
      wire.push({ topic: 'room:1', event: 'echo', ref: '3', joinRef: 'j' })
      stub.waiting.open()
      await wire.next(replyTo('3'))
      await stopped
    })

    it('closes as many clients at once as DRAIN_BATCH says', async () => {
      const { url, stop } = await start({ DRAIN_BATCH: '2' })
      await Promise.all([joined(url), joined(url), joined(url)])
      await stop()
      const rounds = logs.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'draining')
      expect(rounds.map(({ count, total }) => [count, total])).to.deep.equal([
        [2, 3],
        [1, 3],
      ])
    })

    it('does not wait for ever: handlers and app have a part of DRAIN_MS', async () => {
      const stub = stubApp()
      const node = await start({ DRAIN_MS: '200' }, stub.create)
      const wire = await joined(node.url)
      wire.push({ topic: 'room:1', event: 'wait', ref: '2', joinRef: 'j' })
      await stub.handling.opened
      stub.isBusy = true
      await node.stop()
      expect((await wire.closed).code).to.equal(1012)
      expect(stub.events).to.deep.equal(['cancelled', 'closed'])
    })

    it('says so when the app does not close in time', async () => {
      const stub = stubApp()
      stub.closing = new Promise(() => undefined)
      const node = await start({ DRAIN_MS: '100' }, stub.create)
      expect(await rejectionMessage(node.stop())).to.equal(
        'the app did not close within DRAIN_MS (100 ms)',
      )
    })

    it('stops once, however often it is told', async () => {
      const stub = stubApp()
      const node = await start({}, stub.create)
      await Promise.all([node.stop(), node.stop()])
      await node.stop()
      expect(stub.events).to.deep.equal(['closed'])
    })
  })

  describe('a node that cannot start', () => {
    it('rejects with what the app rejects with, and gives the port back', async () => {
      const PORT = String(await freePort())
      const error = new Error('DATA_DIR is in use')
      const starting = start({ PORT }, () => Promise.reject(error))
      expect(await rejection(starting)).to.equal(error)
      const node = await start({ PORT })
      expect(node.url).to.equal(`http://127.0.0.1:${PORT}`)
    })

    it('rejects for a taken port, before it asks the app', async () => {
      const server = await listening()
      const stub = stubApp()
      const error = await rejectionMessage(start({ PORT: String(portOf(server)) }, stub.create))
      expect(error).to.match(/^cannot listen on 127\.0\.0\.1:\d+: .*taken/)
      expect(stub.options).to.equal(undefined)
      const closed = gate()
      server.close(() => closed.open())
      await closed.opened
    })

    it('shares its port with no other node', async () => {
      const { url } = await start()
      const PORT = new URL(url).port
      expect(await rejectionMessage(start({ PORT }))).to.match(/^cannot listen on/)
      expect((await ask(`${url}/readyz`)).status).to.equal(200)
    })
  })
})
