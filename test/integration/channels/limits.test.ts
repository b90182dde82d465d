import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import type { TerminateReason } from '../../../server/channel/result.ts'
import { ok } from '../../../server/index.ts'
import { gate } from '../../support/gate.ts'
import { connectWire, type WireClient } from '../../support/wire-client.ts'
import {
  ask,
  cleanUp,
  isEvent,
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

describe('channels: limits', () => {
  afterEach(cleanUp)

  describe('the number of channels of a socket', () => {
    const tooMany = (ref: string, topic: string) =>
      replied(ref, ref, topic, 'error', { reason: 'too many channels joined' })

    async function fill(client: WireClient, count: number) {
      for (let n = 1; n <= count; n += 1) await join(client, `room:${n}`, `${n}`)
    }

    it('is 100 unless told; a further join is refused with its join_ref (C3.8)', async () => {
      const { url } = await serve(room())
      const client = await connectWire(url)
      await fill(client, 100)
      client.push({ topic: 'room:101', event: 'phx_join', ref: '101', joinRef: '101' })
      expect(parts(await client.next())).to.deep.equal(tooMany('101', 'room:101'))
      await join(await connectWire(url), 'room:101')
    })

    it('counts the channels that live: a leave, a crash or a refusal frees a place (C3.9)', async () => {
      const channel = room({ join: (_socket, { refuse }) => (refuse ? undefined : ok()) })
      const { url } = await serve(channel, { maxChannels: 2 })
      const client = await connectWire(url)
      await fill(client, 2)
      const refused = await ask(client, 'room:3', 'phx_join')
      expect((refused.payload as Json)['response']).to.deep.equal({
        reason: 'too many channels joined',
      })
      await ask(client, 'room:1', 'phx_leave')
      const crashed = await ask(client, 'room:4', 'phx_join', { refuse: true })
      expect((crashed.payload as Json)['response']).to.deep.equal({ reason: 'join crashed' })
      await join(client, 'room:5', '5')
      client.push({ topic: 'room:5', event: 'crash' })
      await client.next(isEvent('phx_error'))
      await join(client, 'room:6', '6')
    })

    it('does not matter to a topic without channel (C3.10)', async () => {
      const { url } = await serve(room(), { maxChannels: 1 })
      const client = await connectWire(url)
      await fill(client, 1)
      client.push({ topic: 'nope', event: 'phx_join', ref: '2', joinRef: '2' })
      const unmatched = replied(null, '2', 'nope', 'error', { reason: 'unmatched topic' })
      expect(parts(await client.next())).to.deep.equal(unmatched)
    })

    it('does not keep a topic from being joined again (C3.11)', async () => {
      const { url } = await serve(room(), { maxChannels: 1 })
      const client = await connectWire(url)
      await fill(client, 1)
      await join(client, 'room:1', '2')
    })
  })

  describe('what may wait', () => {
    /** A channel whose `slow` handler waits for the gate, and reports its end. */
    function slowRoom() {
      const slow = gate()
      const ended = log<TerminateReason>()
      const channel = room({
        on: {
          slow(socket, { infos = 0 }) {
            for (let n = 0; n < Number(infos); n += 1) socket.sendInfo(n)
            return slow.opened
          },
          done: () => ok(),
        },
        info: () => undefined,
        intercept: { seen: () => undefined },
        terminate: (reason) => ended.push(reason),
      })
      return { channel, slow, ended }
    }

    it('for a busy channel is as many messages as its mailbox takes', async () => {
      const { channel, slow } = slowRoom()
      const { url } = await serve(channel, { mailbox: { items: 10, bytes: 1_000_000 } })
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'slow' })
      for (let n = 0; n < 10; n += 1) client.push({ topic: 'room:a', event: 'done', ref: `${n}` })
      await client.fence()
      slow.open()
      for (let n = 0; n < 10; n += 1) expect((await client.next()).ref).to.equal(`${n}`)
    })

    it('for a busy channel is no more: one more closes its socket with 4429, and no other', async () => {
      const { channel, ended } = slowRoom()
      const { url, endpoint } = await serve(channel, { mailbox: { items: 10, bytes: 1_000_000 } })
      const dropped = recorded(endpoint.telemetry.dropped)
      const [client, other] = await Promise.all([member(url), member(url)])
      client.push({ topic: 'room:a', event: 'slow' })
      for (let n = 0; n < 20; n += 1) client.push({ topic: 'room:a', event: 'done', ref: `${n}` })
      expect(await client.closed).to.include({ code: 4429 })
      expect(client.frames).to.have.length(1)
      expect(ended.all).to.deep.equal([{ type: 'closed' }])
      expect(await dropped.next()).to.deep.equal({ reason: 'mailbox_full', count: 1 })
      expect((await ask(other, 'room:a', 'done')).payload).to.have.property('status', 'ok')
      expect(dropped.all).to.have.length(1)
      expect(endpoint.size).to.include({ connections: 1, channels: 1 })
    })

    it('for a busy channel is bounded in bytes too', async () => {
      const { channel } = slowRoom()
      const { url } = await serve(channel, { mailbox: { items: 1_000, bytes: 10_000 } })
      const [client, other] = await Promise.all([member(url), member(url)])
      for (const each of [client, other]) each.push({ topic: 'room:a', event: 'slow' })
      const payload = { pad: 'x'.repeat(4_000) }
      for (const each of [client, client, other, other, client]) {
        each.push({ topic: 'room:a', event: 'done', payload })
      }
      expect(await client.closed).to.include({ code: 4429 })
      expect(await other.fence()).to.deep.equal([])
    })

    it('for a busy channel counts what the server itself sends it', async () => {
      for (const how of ['sendInfo', 'intercepted'] as const) {
        const { channel, slow } = slowRoom()
        const { url, endpoint } = await serve(channel, { mailbox: { items: 10, bytes: 1_000 } })
        const [client, other] = await Promise.all([member(url), member(url)])
        const infos = how === 'sendInfo' ? 20 : 0
        client.push({ topic: 'room:a', event: 'slow', payload: { infos } })
        if (how === 'intercepted') {
          await client.fence()
          for (let n = 0; n < 20; n += 1) endpoint.broadcast('room:a', 'seen', {})
        }
        expect(await client.closed, how).to.include({ code: 4429 })
        endpoint.broadcast('room:a', 'news', {})
        expect((await other.next()).event).to.equal('news')
        slow.open()
        expect((await ask(other, 'room:a', 'done')).payload).to.have.property('status', 'ok')
      }
    })

    it('for a join is bounded like a mailbox, of all topics together', async () => {
      const slow = gate()
      const joins = log<string>()
      const channel = room({
        async join({ topic }) {
          joins.push(topic)
          if (topic === 'room:slow') await slow.opened
          return ok()
        },
        on: { done: () => ok() },
      })
      const { url } = await serve(channel, { mailbox: { items: 10, bytes: 1_000_000 } })
      const [client, other] = await Promise.all([member(url), member(url)])
      for (const [each, count] of [
        [client, 11],
        [other, 10],
      ] as const) {
        each.push({ topic: 'room:slow', event: 'phx_join', ref: 'slow', joinRef: 'slow' })
        await joins.next((topic) => topic === 'room:slow')
        for (let n = 0; n < count; n += 1) {
          each.push({ topic: n % 2 ? 'phoenix' : 'room:a', event: 'heartbeat', ref: `${n}` })
        }
      }
      expect(await client.closed).to.include({ code: 4429 })
      slow.open()
      await other.next(({ ref }) => ref === 'slow')
      const { event } = await other.next()
      expect(event, 'the first that waited: no such event').to.equal('phx_error')
    })
  })
})
