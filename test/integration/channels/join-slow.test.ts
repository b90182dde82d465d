import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import type { TerminateReason } from '../../../server/channel/result.ts'
import { Broadcast, ok } from '../../../server/index.ts'
import { createLocalPubSub } from '../../../server/pubsub/local.ts'
import type { PubSub } from '../../../server/pubsub/pubsub.ts'
import { gate } from '../../support/gate.ts'
import { connectWire, replyTo } from '../../support/wire-client.ts'
import {
  ask,
  cleanUp,
  isEvent,
  join,
  log,
  member,
  nextParts,
  parts,
  recorded,
  replied,
  room,
  serve,
} from './harness.ts'

describe('channels: join slow', () => {
  afterEach(cleanUp)

  describe('a join that takes its time', () => {
    it('holds back its own connection and no other (C3.21)', async () => {
      const slow = gate()
      const channel = room({
        topic: 'slow:*',
        async join() {
          await slow.opened
          return ok()
        },
      })
      const { url } = await serve([
        channel,
        room({ on: { echo: (_socket, payload) => ok(payload) } }),
      ])
      const [client, other] = await Promise.all([connectWire(url), connectWire(url)])
      await join(client, 'room:a')
      client.push({ topic: 'slow:a', event: 'phx_join', ref: '2', joinRef: '2' })
      client.push({ topic: 'room:a', event: 'echo', ref: '3', joinRef: '1' })
      client.push({ topic: 'room:b', event: 'phx_join', ref: '4', joinRef: '4' })
      client.push({ topic: 'phoenix', event: 'heartbeat', ref: '5' })
      await join(other, 'room:a')
      expect((await ask(other, 'room:a', 'echo')).payload).to.have.property('status', 'ok')
      expect(client.frames, 'before the join was decided').to.have.length(1)
      slow.open()
      expect(await nextParts(client, 4)).to.deep.equal([
        replied('2', '2', 'slow:a', 'ok'),
        replied('1', '3', 'room:a', 'ok'),
        replied('4', '4', 'room:b', 'ok'),
        replied(null, '5', 'phoenix', 'ok'),
      ])
    })

    it('loses nothing that is broadcast meanwhile (C3.19, C3.22)', async () => {
      const slow = gate()
      const joining = log<string>()
      const channel = room({
        topic: 'slow:*',
        async join({ topic }) {
          joining.push(topic)
          await slow.opened
          return ok()
        },
      })
      const { url, endpoint } = await serve([channel, room()])
      const client = await member(url)
      client.push({ topic: 'slow:a', event: 'phx_join', ref: '2', joinRef: '2' })
      await joining.next()
      endpoint.broadcast('room:a', 'meanwhile', { n: 1 })
      slow.open()
      await client.next(replyTo('2'))
      endpoint.broadcast('slow:a', 'after', {})
      await client.next(isEvent('after'))
      expect(parts(await client.next())).to.deep.equal([
        null,
        null,
        'room:a',
        'meanwhile',
        { n: 1 },
      ])
    })

    it('completes and terminates where its client left meanwhile, and leaves nothing (C3.80)', async () => {
      const slow = gate()
      const joining = log<string>()
      const ends = log<TerminateReason>()
      const channel = room({
        async join({ topic }) {
          joining.push(topic)
          await slow.opened
          joining.push('done')
          return ok({}, { user: 'u' })
        },
        terminate(reason, socket) {
          socket.push('bye', {})
          ends.push(reason)
        },
      })
      const { url, endpoint } = await serve(channel)
      const disconnected = recorded(endpoint.telemetry.disconnected)
      const client = await connectWire(url)
      client.push({ topic: 'room:a', event: 'phx_join', ref: '1', joinRef: '1' })
      client.push({ topic: 'room:a', event: 'any', ref: '2', joinRef: '1' })
      expect(await joining.next()).to.equal('room:a')
      client.terminate()
      await disconnected.next()
      expect(endpoint.size).to.deep.equal({ connections: 0, channels: 0, topics: 0, lanes: 0 })
      slow.open()
      expect(await joining.next()).to.equal('done')
      expect(await ends.next()).to.deep.equal({ type: 'closed' })
      expect(endpoint.size).to.deep.equal({ connections: 0, channels: 0, topics: 0, lanes: 0 })
    })

    it('and never ends holds nothing once its client has gone', async () => {
      const joining = log<string>()
      const channel = room({
        join({ topic }) {
          joining.push(topic)
          return new Promise(() => undefined)
        },
      })
      const { url, endpoint } = await serve(channel)
      const disconnected = recorded(endpoint.telemetry.disconnected)
      const client = await connectWire(url)
      client.push({ topic: 'room:a', event: 'phx_join', ref: '1', joinRef: '1' })
      await joining.next()
      client.terminate()
      await disconnected.next()
      expect(endpoint.size).to.deep.equal({ connections: 0, channels: 0, topics: 0, lanes: 0 })
    })

    it('is one whose topic does not flow yet: it is answered when other nodes are heard (C3.19)', async () => {
      const flowing = gate()
      const joining = log<string>()
      const local = createLocalPubSub()
      const pubsub: PubSub = {
        ...local,
        subscribe(topic, subscriber) {
          void local.subscribe(topic, subscriber)
          return topic === 'room:a' ? flowing.opened : undefined
        },
      }
      const channel = room({
        join({ topic }) {
          joining.push(topic)
          return ok()
        },
        on: { echo: () => ok({ late: true }) },
      })
      const { url } = await serve(channel, { pubsub })
      const [client, second] = await Promise.all([connectWire(url), connectWire(url)])
      for (const each of [client, second]) {
        each.push({ topic: 'room:a', event: 'phx_join', ref: '1', joinRef: '1' })
        await joining.next()
      }
      const other = await member(url, 'room:b')
      await other.fence()
      // Their own connections are not held back meanwhile, only what is for the topic itself.
      client.push({ topic: 'room:a', event: 'echo', ref: '2', joinRef: '1', payload: { n: 1 } })
      expect((await client.fence()).length).to.equal(0)
      expect((await second.fence()).length).to.equal(0)
      flowing.open()
      for (const each of [client, second]) {
        expect(parts(await each.next())).to.deep.equal(replied('1', '1', 'room:a', 'ok'))
      }
      const late = await client.next()
      expect(parts(late)).to.deep.equal(replied('1', '2', 'room:a', 'ok', { late: true }))
      // As another node's message comes: to the pub/sub, past this node's endpoint.
      local.publish(new Broadcast('room:a', 'news', {}))
      for (const each of [client, second]) await each.next(isEvent('news'))
    })

    it('that waits to flow is ended by another join, and by the end of its connection', async () => {
      const gates = [gate(), gate(), gate()]
      const local = createLocalPubSub()
      let subscribed = 0
      const pubsub: PubSub = {
        ...local,
        subscribe(topic, subscriber) {
          void local.subscribe(topic, subscriber)
          subscribed += 1
          return gates[subscribed - 1]?.opened
        },
      }
      const ended = log<string>()
      const channel = room({
        join: () => ok({}, { who: 'joined' }),
        terminate: ({ type }, { assigns }) => ended.push(`${type} ${JSON.stringify(assigns)}`),
      })
      const { url, endpoint } = await serve(channel, { pubsub })
      const client = await connectWire(url)
      for (const ref of ['1', '2']) {
        client.push({ topic: 'room:a', event: 'phx_join', ref, joinRef: ref })
      }
      await client.fence()
      for (const each of gates.slice(0, 2)) each.open()
      expect(parts(await client.next())).to.deep.equal(replied('2', '2', 'room:a', 'ok'))
      client.push({ topic: 'room:b', event: 'phx_join', ref: '3', joinRef: '3' })
      await client.fence()
      client.terminate()
      const reasons = [await ended.next(), await ended.next()]
      expect(reasons).to.deep.equal(['closed {"who":"joined"}', 'closed {"who":"joined"}'])
      gates[2]?.open()
      expect(endpoint.size).to.deep.equal({ connections: 0, channels: 0, topics: 0, lanes: 0 })
    })
  })
})
