import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { ok } from '../../../server/index.ts'
import { connectWire, type WireClient } from '../../support/wire-client.ts'
import {
  ask,
  cleanUp,
  gate,
  type Json,
  join,
  log,
  member,
  parts,
  replied,
  room,
  serve,
} from './harness.ts'

describe('channels: handlers', () => {
  afterEach(cleanUp)

  /** The response of an ok reply. */
  async function response(client: WireClient, topic: string, event: string, payload?: unknown) {
    const { status, response: value } = (await ask(client, topic, event, payload)).payload as Json
    expect(status).to.equal('ok')
    return value
  }

  describe('the handlers of one channel', () => {
    it('run one after another, in the order of the messages (C3.55)', async () => {
      const steps = log<string>()
      const gates = new Map<unknown, ReturnType<typeof gate>>()
      const channel = room({
        on: {
          async work(_socket, { n }) {
            steps.push(`begin ${n}`)
            await gates.get(n)?.opened
            steps.push(`end ${n}`)
            return ok({ n })
          },
        },
      })
      const { url } = await serve(channel)
      const client = await connectWire(url)
      await join(client, 'room:a')
      for (const n of [1, 2, 3]) gates.set(n, gate())
      for (const n of [1, 2, 3]) {
        client.push({ topic: 'room:a', event: 'work', payload: { n }, ref: `${n}` })
      }
      await client.fence()
      for (const n of [3, 2, 1]) gates.get(n)?.open()
      for (const n of [1, 2, 3]) expect((await client.next()).ref).to.equal(`${n}`)
      expect(steps.all).to.deep.equal([1, 2, 3].flatMap((n) => [`begin ${n}`, `end ${n}`]))
    })

    it('do not hold back heartbeats or other channels of the connection (C3.56)', async () => {
      const slow = gate()
      const { url } = await serve(room({ on: { slow: () => slow.opened, done: () => ok() } }))
      const client = await connectWire(url)
      await join(client, 'room:a', '1')
      await join(client, 'room:b', '2')
      client.push({ topic: 'room:a', event: 'slow' })
      expect(await response(client, 'room:b', 'done')).to.deep.equal({})
      expect(await response(client, 'phoenix', 'heartbeat')).to.deep.equal({})
      slow.open()
      expect(await response(client, 'room:a', 'done')).to.deep.equal({})
    })

    it('that never end hold back neither a new join of their topic nor the end of the connection', async () => {
      const ends = log<unknown>()
      const channel = room({
        on: { hang: () => new Promise(() => undefined), done: () => ok() },
        terminate: (reason) => ends.push(reason),
      })
      const { url, endpoint } = await serve(channel)
      const client = await connectWire(url)
      await join(client, 'room:a', '1')
      client.push({ topic: 'room:a', event: 'hang', joinRef: '1' })
      await join(client, 'room:a', '2')
      expect((await ask(client, 'room:a', 'done', {}, '2')).payload).to.have.property(
        'status',
        'ok',
      )
      client.push({ topic: 'room:a', event: 'hang', joinRef: '2' })
      await client.fence()
      client.close()
      expect(await ends.next()).to.deep.equal({ type: 'closed' })
      expect(endpoint.size).to.deep.equal({ connections: 0, channels: 0, topics: 0, lanes: 0 })
    })

    it('see the ref of their own message, and none afterwards', async () => {
      const seen = log<unknown>()
      const channel = room({
        on: {
          async look(socket) {
            await Promise.resolve()
            seen.push(socket.ref)
            setImmediate(() => seen.push(socket.ref))
          },
        },
      })
      const { url } = await serve(channel)
      const client = await connectWire(url)
      await join(client, 'room:a')
      client.push({ topic: 'room:a', event: 'look', ref: 'mine' })
      expect(await seen.next()).to.equal('mine')
      expect(await seen.next()).to.equal(null)
    })
  })

  describe('events that the protocol names', () => {
    it('are ordinary events when a client sends them (C3.84)', async () => {
      const names = ['phx_close', 'phx_error', 'phx_reply']
      const on = Object.fromEntries(names.map((event) => [event, () => ok({ event })]))
      const { url } = await serve(room({ on }))
      const client = await member(url)
      for (const event of names) {
        client.push({ topic: 'room:a', event, ref: event, joinRef: '1' })
        expect(parts(await client.next())).to.deep.equal(
          replied('1', event, 'room:a', 'ok', { event }),
        )
      }
    })
  })
})
