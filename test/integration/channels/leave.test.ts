import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import type { TerminateReason } from '../../../server/channel/result.ts'
import { ok } from '../../../server/index.ts'
import { gate } from '../../support/gate.ts'
import { connectWire, replyTo } from '../../support/wire-client.ts'
import {
  ask,
  cleanUp,
  closeOf,
  countingPubSub,
  isEvent,
  join,
  log,
  member,
  nextParts,
  parts,
  replied,
  room,
  serve,
} from './harness.ts'

describe('channels: leave', () => {
  afterEach(cleanUp)

  describe('a leave', () => {
    it('is answered ok, then closes, with the join_ref twice (C3.31)', async () => {
      const { url, endpoint } = await serve(room())
      const client = await connectWire(url)
      await join(client, 'room:a', '3')
      client.push({ topic: 'room:a', event: 'phx_leave', ref: '4', joinRef: '3' })
      expect(await nextParts(client, 2)).to.deep.equal([
        replied('3', '4', 'room:a', 'ok'),
        closeOf('3', 'room:a'),
      ])
      expect(endpoint.size).to.deep.equal({ connections: 1, channels: 0, topics: 0, lanes: 0 })
    })

    it('ends the channel as left; what it then pushes comes last (C3.32)', async () => {
      const ends = log<TerminateReason>()
      const channel = room({
        join: () => ok({}, { user: 'u' }),
        async terminate(reason, socket) {
          socket.push('bye', socket.assigns)
          ends.push(reason)
          await Promise.resolve()
          socket.push('late bye', {})
        },
      })
      const { url } = await serve(channel)
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'phx_leave', ref: '2', joinRef: '1' })
      expect(await nextParts(client, 4)).to.deep.equal([
        replied('1', '2', 'room:a', 'ok'),
        closeOf('1', 'room:a'),
        ['1', null, 'room:a', 'bye', { user: 'u' }],
        ['1', null, 'room:a', 'late bye', {}],
      ])
      expect(ends.all).to.deep.equal([{ type: 'left' }])
    })

    it('leaves nothing to push to (C3.33)', async () => {
      const { url } = await serve(room({ on: { echo: () => ok() } }))
      const client = await member(url)
      await ask(client, 'room:a', 'phx_leave', {}, '1')
      await client.next(isEvent('phx_close'))
      client.push({ topic: 'room:a', event: 'echo', ref: '3', joinRef: '1' })
      const unmatched = replied(null, '3', 'room:a', 'error', { reason: 'unmatched topic' })
      expect(parts(await client.next())).to.deep.equal(unmatched)
    })

    it('ends the broadcasts to that client and to no other', async () => {
      const { url, endpoint } = await serve(room())
      const [client, other] = await Promise.all([connectWire(url), connectWire(url)])
      await Promise.all([join(client, 'room:a'), join(other, 'room:a')])
      await ask(client, 'room:a', 'phx_leave')
      await client.next(isEvent('phx_close'))
      endpoint.broadcast('room:a', 'news', {})
      await other.next(isEvent('news'))
      expect(await client.fence()).to.deep.equal([])
    })

    it('with the join_ref of another join is ignored (C3.28)', async () => {
      const { url } = await serve(room({ on: { echo: () => ok() } }))
      const client = await connectWire(url)
      await join(client, 'room:a', '3')
      client.push({ topic: 'room:a', event: 'phx_leave', ref: '4', joinRef: '2' })
      expect(await client.fence({ topic: 'room:a', event: 'echo' })).to.deep.equal([])
    })

    it('of a topic that is not joined is answered ok, with both refs, and closes nothing (C3.30)', async () => {
      const { url } = await serve(room())
      const client = await connectWire(url)
      for (const topic of ['room:a', 'nobody', '__proto__']) {
        client.push({ topic, event: 'phx_leave', ref: '4', joinRef: '3' })
        expect(parts(await client.next())).to.deep.equal(replied('3', '4', topic, 'ok'))
      }
      expect(await client.fence()).to.deep.equal([])
    })

    it('waits for the messages that came before it (C3.34)', async () => {
      const slow = gate()
      const channel = room({
        on: {
          async slow() {
            await slow.opened
            return ok()
          },
          echo: () => ok(),
        },
      })
      const { url } = await serve(channel)
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'slow', ref: '2', joinRef: '1' })
      client.push({ topic: 'room:a', event: 'echo', ref: '3', joinRef: '1' })
      client.push({ topic: 'room:a', event: 'phx_leave', ref: '4', joinRef: '1' })
      expect(await client.fence(), 'before the handler is done').to.deep.equal([])
      slow.open()
      expect(await nextParts(client, 4)).to.deep.equal([
        replied('1', '2', 'room:a', 'ok'),
        replied('1', '3', 'room:a', 'ok'),
        replied('1', '4', 'room:a', 'ok'),
        closeOf('1', 'room:a'),
      ])
    })

    it('twice closes once (C3.35)', async () => {
      const slow = gate()
      const { url } = await serve(room({ on: { slow: () => slow.opened } }))
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'slow', ref: '2', joinRef: '1' })
      for (const ref of ['3', '4']) {
        client.push({ topic: 'room:a', event: 'phx_leave', ref, joinRef: '1' })
      }
      await client.fence()
      slow.open()
      await client.next(isEvent('phx_close'))
      const later = await ask(client, 'room:a', 'phx_leave', {}, '1')
      expect(later.payload).to.deep.equal({ status: 'ok', response: {} })
      expect(client.frames.filter(isEvent('phx_close'))).to.have.length(1)
    })

    it('and a join in one burst end joined (C3.41)', async () => {
      const { url } = await serve(room({ on: { echo: () => ok() } }))
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'phx_leave', ref: '2', joinRef: '1' })
      client.push({ topic: 'room:a', event: 'phx_join', ref: '3', joinRef: '3' })
      await client.next(replyTo('3'))
      expect((await ask(client, 'room:a', 'echo', {}, '3')).payload).to.have.property(
        'status',
        'ok',
      )
      expect(client.frames.filter(isEvent('phx_close'))).to.have.length(1)
    })

    it('and a join behind a busy handler end joined, the old handler unheard (C3.41)', async () => {
      const slow = gate()
      const channel = room({
        on: {
          async slow(socket) {
            await slow.opened
            socket.push('late', {})
            return ok({ late: true })
          },
          echo: () => ok(),
        },
      })
      const { url } = await serve(channel)
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'slow', ref: '2', joinRef: '1' })
      client.push({ topic: 'room:a', event: 'phx_leave', ref: '3', joinRef: '1' })
      client.push({ topic: 'room:a', event: 'phx_join', ref: '4', joinRef: '4' })
      expect(await nextParts(client, 2)).to.deep.equal([
        replied('4', '4', 'room:a', 'ok'),
        closeOf('1', 'room:a'),
      ])
      slow.open()
      expect(await client.fence({ topic: 'room:a', event: 'echo' })).to.deep.equal([])
    })

    it('in a pipeline of join, push, leave and push answers each in order (C3.85)', async () => {
      const { url } = await serve(room({ on: { echo: () => ok() } }))
      const client = await connectWire(url)
      for (const [ref, event] of ['phx_join', 'echo', 'phx_leave', 'echo'].entries()) {
        client.push({ topic: 'room:a', event, ref: `${ref}`, joinRef: '0' })
      }
      expect(await nextParts(client, 5)).to.deep.equal([
        replied('0', '0', 'room:a', 'ok'),
        replied('0', '1', 'room:a', 'ok'),
        replied('0', '2', 'room:a', 'ok'),
        closeOf('0', 'room:a'),
        replied(null, '3', 'room:a', 'error', { reason: 'unmatched topic' }),
      ])
    })

    it('ten thousand times over keeps neither lane nor topic nor listener (C3.90)', async () => {
      const channel = room({
        topic: 'room:*',
        intercept: { seen: () => undefined },
        info(socket, message) {
          void socket.subscribe(`log:${socket.subtopic}`)
          void socket.subscribe(`feed:${socket.subtopic}`, { as: socket.topic })
          socket.push('subscribed', { message })
        },
        join(socket) {
          socket.sendInfo('after_join')
          return ok()
        },
      })
      const counted = countingPubSub()
      const { url, endpoint } = await serve(channel, { pubsub: counted.pubsub })
      const client = await connectWire(url)
      for (let round = 0; round < 100; round += 1) {
        for (let each = 0; each < 100; each += 1) {
          const [ref, topic] = [`${round}.${each}`, `room:${each}`]
          client.push({ topic, event: 'phx_join', ref, joinRef: ref })
          client.push({ topic, event: 'phx_leave', ref: `leave ${ref}`, joinRef: ref })
        }
        await ask(client, 'phoenix', 'heartbeat')
      }
      expect(client.frames.filter(isEvent('phx_close'))).to.have.length(10_000)
      expect(endpoint.size).to.deep.equal({ connections: 1, channels: 0, topics: 0, lanes: 0 })
      expect(counted.subscriptions()).to.equal(0)
      expect(counted.most(), 'what a joined channel holds').to.equal(3)
    })
  })
})
