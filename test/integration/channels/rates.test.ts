import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { ok } from '../../../server/index.ts'
import { AT_ONCE, closesOf, joinChannel, openSocket } from '../../support/phoenix-client.ts'
import { connectWire, replyTo, type WireClient } from '../../support/wire-client.ts'
import {
  ask,
  cleanUp,
  closeOf,
  type Json,
  join,
  log,
  member,
  parts,
  recorded,
  replied,
  room,
  serve,
} from './harness.ts'

describe('channels: rates', () => {
  afterEach(cleanUp)

  /** A clock that a test turns: nothing is refilled by itself. */
  function turned() {
    const clock = { ms: 0 }
    return { clock, now: () => clock.ms }
  }

  function heartbeats(client: WireClient, count: number): void {
    for (let n = 1; n <= count; n += 1) {
      client.push({ topic: 'phoenix', event: 'heartbeat', ref: `h${n}` })
    }
  }

  describe('a socket’s messages', () => {
    const messages = { perSecond: 50, burst: 100 }

    it('are answered as long as they keep to the rate', async () => {
      const { clock, now } = turned()
      const { url } = await serve(room(), { limits: { messages, now } })
      const client = await connectWire(url)
      heartbeats(client, 100)
      await client.next(replyTo('h100'))
      clock.ms = 1_000
      heartbeats(client, 50)
      await client.next(replyTo('h50'))
      await client.next(replyTo('h50'))
    })

    it('over it end the socket with 4429, and no other; it is counted', async () => {
      const { now } = turned()
      const { url, endpoint } = await serve(room({ on: { done: () => ok() } }), {
        limits: { messages, now },
      })
      const dropped = recorded(endpoint.telemetry.dropped)
      const [client, other] = await Promise.all([member(url), member(url)])
      heartbeats(client, 500)
      expect(await client.closed).to.include({ code: 4429 })
      expect(dropped.all).to.deep.equal([{ reason: 'message_rate', count: 1 }])
      // The burst and a tenth of it, one of which was the join.
      expect(client.frames).to.have.length(110)
      expect((await ask(other, 'room:a', 'done')).payload).to.have.property('status', 'ok')
      expect(endpoint.size).to.include({ connections: 1, channels: 1 })
    })

    it('of whatever kind are counted: leaves, unknown topics, V1', async () => {
      const { url } = await serve(room(), { limits: { messages, now: turned().now } })
      for (const [topic, event] of [
        ['room:a', 'phx_leave'],
        ['nowhere', 'x'],
      ] as const) {
        const client = await connectWire(url, { vsn: '1.0.0' })
        for (let n = 0; n < 200; n += 1) client.push({ topic, event, ref: `${n}` })
        expect(await client.closed).to.include({ code: 4429 })
      }
    })

    it('over it leave phoenix.js to come back', async () => {
      const { url } = await serve(room(), { limits: { messages, now: turned().now } })
      const socket = await openSocket(`${url}/socket`, AT_ONCE)
      const codes = closesOf(socket)
      const a = socket.channel('room:a')
      await joinChannel(a)
      const reopened = new Promise<void>((resolve) => socket.onOpen(() => resolve()))
      for (let n = 0; n < 500; n += 1) a.push('any', {})
      expect(await codes.next()).to.equal(4429)
      await reopened
    })
  })

  describe('joins', () => {
    const tooMany = (ref: string, topic: string) =>
      replied(ref, ref, topic, 'error', { reason: 'too many joins' })

    it('of one socket over its rate are refused, and of no other; they are counted', async () => {
      const { clock, now } = turned()
      const joins = { perSecond: 10, burst: 10 }
      const { url, endpoint } = await serve(room(), { limits: { joins, now } })
      const dropped = recorded(endpoint.telemetry.dropped)
      const client = await connectWire(url)
      // The burst and a tenth of it.
      for (let n = 1; n <= 11; n += 1) await join(client, `room:${n}`, `${n}`)
      client.push({ topic: 'room:x', event: 'phx_join', ref: 'x', joinRef: 'x' })
      expect(parts(await client.next())).to.deep.equal(tooMany('x', 'room:x'))
      expect(dropped.all).to.deep.equal([{ reason: 'socket_joins', count: 1 }])
      expect(endpoint.size).to.include({ connections: 1, channels: 11 })
      await member(url, 'room:x')
      clock.ms = 100
      await join(client, 'room:x', 'y')
    })

    it('of all sockets over the node’s rate are refused; later they are not', async () => {
      const { clock, now } = turned()
      const nodeJoins = { perSecond: 10, burst: 5 }
      const { url, endpoint } = await serve(room(), { limits: { nodeJoins, now } })
      const dropped = recorded(endpoint.telemetry.dropped)
      for (let n = 0; n < 5; n += 1) await member(url)
      const late = await connectWire(url)
      late.push({ topic: 'room:a', event: 'phx_join', ref: '1', joinRef: '1' })
      expect(parts(await late.next())).to.deep.equal(tooMany('1', 'room:a'))
      expect(dropped.all).to.deep.equal([{ reason: 'node_joins', count: 1 }])
      clock.ms = 100
      await join(late, 'room:a', '2')
    })

    it('refused for a topic that is joined end the old channel all the same', async () => {
      const nodeJoins = { perSecond: 1, burst: 1 }
      const { url } = await serve(room(), { limits: { nodeJoins, now: turned().now } })
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'phx_join', ref: '2', joinRef: '2' })
      expect(parts(await client.next())).to.deep.equal(tooMany('2', 'room:a'))
      expect(parts(await client.next())).to.deep.equal(closeOf('1', 'room:a'))
    })

    it('over the rate are tried again by phoenix.js', async () => {
      const { clock, now } = turned()
      const nodeJoins = { perSecond: 10, burst: 1 }
      const { url } = await serve(room(), { limits: { nodeJoins, now } })
      await member(url, 'room:other')
      const socket = await openSocket(`${url}/socket`, AT_ONCE)
      const answers = log<string>()
      socket
        .channel('room:a')
        .join()
        .receive('error', ({ reason }: { readonly reason: string }) => answers.push(reason))
        .receive('ok', () => answers.push('ok'))
      expect(await answers.next()).to.equal('too many joins')
      clock.ms = 100
      expect(await answers.next((answer) => answer === 'ok')).to.equal('ok')
    })
  })

  describe('a payload', () => {
    const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth))

    it('may be as deep as the limit, in both versions; deeper ends its socket with 1011', async () => {
      const { url, endpoint } = await serve(
        room({ on: { echo: (_socket, payload) => ok(payload) } }),
        { limits: { maxDepth: 1_000 } },
      )
      const dropped = recorded(endpoint.telemetry.dropped)
      const other = await member(url)
      for (const vsn of ['1.0.0', '2.0.0'] as const) {
        const client = await connectWire(url, { vsn })
        client.push({ topic: 'room:a', event: 'phx_join', ref: '1', joinRef: '1' })
        await client.next(replyTo('1'))
        const { payload } = await ask(client, 'room:a', 'echo', nested(1_000))
        expect((payload as Json)['status']).to.equal('ok')
        client.push({ topic: 'room:a', event: 'echo', payload: nested(1_001), ref: '2' })
        expect(await client.closed).to.include({ code: 1011 })
        expect(await dropped.next()).to.deep.equal({ reason: 'payload_depth', count: 1 })
      }
      expect((await ask(other, 'room:a', 'echo')).payload).to.have.property('status', 'ok')
    })
  })

  describe('a socket that joins nothing', () => {
    it('is closed with 4408 when its time is over; one that has joined is not', async () => {
      const { clock, now } = turned()
      const { url, endpoint } = await serve(room(), { limits: { joinWithinMs: 1_000, now } })
      const idle = await connectWire(url)
      const other = await member(url)
      clock.ms = 1_001
      expect(await idle.closed).to.include({ code: 4408 })
      await ask(other, 'room:a', 'phx_leave')
      clock.ms = 100_000
      const late = await connectWire(url)
      clock.ms = 200_000
      expect(await late.closed).to.include({ code: 4408 })
      await join(other, 'room:a', '2')
      expect(endpoint.size).to.include({ connections: 1 })
    })

    it('is one that phoenix.js opens again', async () => {
      const { clock, now } = turned()
      const { url } = await serve(room(), { limits: { joinWithinMs: 1_000, now } })
      const socket = await openSocket(`${url}/socket`, AT_ONCE)
      const codes = closesOf(socket)
      const reopened = new Promise<void>((resolve) => socket.onOpen(() => resolve()))
      clock.ms = 1_001
      expect(await codes.next()).to.equal(4408)
      await reopened
      await joinChannel(socket.channel('room:a'))
    })
  })
})
