import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { ok } from '../../../server/index.ts'
import type { PubSub } from '../../../server/pubsub/pubsub.ts'
import { linkedPubSubs } from '../../contract/linked-pubsub.ts'
import { ask, cleanUp, isEvent, member, room, serve } from './harness.ts'

describe('channels: native fanout', () => {
  afterEach(cleanUp)

  const channel = room({
    on: {
      shout: (socket, payload) => socket.broadcast('news', payload),
      tell_others: (socket, payload) => socket.broadcastFrom('news', payload),
      shout_here: (socket, payload) => socket.localBroadcast('news', payload),
    },
  })

  describe('fan-out', () => {
    it('encodes a payload once, for 1000 subscribers of both serializers (C3.67)', async () => {
      const { url, endpoint } = await serve(channel)
      const versions = ['1.0.0', '2.0.0'] as const
      const clients = await Promise.all(
        Array.from({ length: 1_000 }, (_, at) =>
          member(url, 'room:a', { vsn: versions[at % 2] ?? null }),
        ),
      )
      let encodings = 0
      const payload = {
        toJSON() {
          encodings += 1
          return { n: 1 }
        },
      }
      endpoint.broadcast('room:a', 'news', payload)
      const frames = await Promise.all(clients.map((client) => client.next(isEvent('news'))))
      expect(frames.map((frame) => frame.payload)).to.deep.equal(Array(1_000).fill({ n: 1 }))
      expect(encodings).to.equal(1)
      expect(endpoint.size).to.include({ channels: 1_000, topics: 1, lanes: 2 })
    })

    it('has a lane for each serializer, for as long as it has clients', async () => {
      const { url, endpoint } = await serve(channel)
      const [old, client] = await Promise.all([
        member(url, 'room:a', { vsn: '1.0.0' }),
        member(url),
      ])
      expect(endpoint.size).to.include({ topics: 1, lanes: 2 })
      await ask(old, 'room:a', 'phx_leave')
      expect(endpoint.size).to.include({ topics: 1, lanes: 1 })
      await ask(client, 'room:a', 'phx_leave')
      expect(endpoint.size).to.include({ topics: 0, lanes: 0 })
    })

    it('keeps the order of one sender, whatever the sizes (C3.75)', async () => {
      const { url, endpoint } = await serve(channel)
      const clients = await Promise.all(Array.from({ length: 5 }, () => member(url)))
      const messages = Array.from({ length: 1_000 }, (_, n) => ({
        n,
        pad: 'x'.repeat(n % 50 ? 20 : 20_000),
      }))
      for (const message of messages) endpoint.broadcast('room:a', 'news', message)
      for (const client of clients) {
        for (const { n } of messages) {
          const { payload } = await client.next(isEvent('news'))
          expect(payload).to.have.property('n', n)
        }
      }
    })

    it('keeps the order of broadcasts and pushes of one handler', async () => {
      const mixed = room({
        on: {
          mix(socket) {
            for (let n = 0; n < 200; n += 1) {
              const pad = 'x'.repeat(n % 10 ? 10 : 20_000)
              if (n % 3 === 0) socket.push('mixed', { n, pad })
              else socket.broadcast('mixed', { n, pad })
            }
            return ok()
          },
        },
      })
      const { url } = await serve(mixed)
      const client = await member(url)
      await ask(client, 'room:a', 'mix')
      const seen = client.frames
        .filter(isEvent('mixed'))
        .map(({ payload }) => (payload as { n: number }).n)
      expect(seen).to.deep.equal(Array.from({ length: 200 }, (_, n) => n))
    })
  })

  describe('two nodes', () => {
    it('hear one another; a local broadcast stays (C3.73, C3.75)', async () => {
      const [one, two] = linkedPubSubs(2) as [PubSub, PubSub]
      const a = await serve(channel, { pubsub: one })
      const b = await serve(channel, { pubsub: two })
      const [near, sender] = await Promise.all([member(a.url), member(a.url)])
      const far = await member(b.url)
      sender.push({ topic: 'room:a', event: 'shout_here', payload: { n: 0 } })
      for (let n = 1; n <= 1_000; n += 1) {
        sender.push({ topic: 'room:a', event: n % 2 ? 'shout' : 'tell_others', payload: { n } })
      }
      const numbers = async (client: typeof near, expected: readonly number[]) => {
        for (const n of expected) expect((await client.next()).payload).to.deep.equal({ n })
      }
      const all = Array.from({ length: 1_001 }, (_, n) => n)
      await numbers(near, all)
      await numbers(far, all.slice(1))
      await numbers(
        sender,
        all.filter((n) => n === 0 || n % 2),
      )
    })
  })
})
