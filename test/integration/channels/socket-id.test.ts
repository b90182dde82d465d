import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import type { TerminateReason } from '../../../server/channel/result.ts'
import { accept } from '../../../server/index.ts'
import type { PubSub } from '../../../server/pubsub/pubsub.ts'
import { linkedPubSubs } from '../../contract/linked-pubsub.ts'
import {
  cleanUp,
  countingPubSub,
  join,
  log,
  member,
  nextParts,
  recorded,
  room,
  type ServeOptions,
  serve,
} from './harness.ts'

describe('channels: socket id', () => {
  afterEach(cleanUp)

  const connect: NonNullable<ServeOptions['connect']> = ({ id }) => accept({}, id ?? null)
  const as = (id: string) => ({ params: { id } })

  describe('a broadcast of `disconnect` on a socket’s id', () => {
    it('closes it with 1001; its channels end as disconnected, without a frame (C1.82, C1.87)', async () => {
      const ends = log<TerminateReason>()
      const channel = room({
        terminate(reason, socket) {
          ends.push(reason)
          socket.push('bye', {})
        },
      })
      const { url, endpoint } = await serve(channel, { connect })
      const client = await member(url, 'room:a', as('user:1'))
      await join(client, 'room:b', '2')
      endpoint.broadcast('user:1', 'disconnect', {})
      expect(await client.closed).to.include({ code: 1001 })
      expect(client.frames, 'only the replies of the joins').to.have.length(2)
      expect(ends.all).to.deep.equal([{ type: 'disconnected' }, { type: 'disconnected' }])
      expect(endpoint.size).to.deep.equal({ connections: 0, channels: 0, topics: 0, lanes: 0 })
    })

    it('lets through what was sent before it', async () => {
      const { url, endpoint } = await serve(room(), { connect })
      const client = await member(url, 'room:a', as('user:1'))
      for (const n of [1, 2])
        endpoint.broadcast('room:a', 'news', { n, pad: 'x'.repeat(n * 10_000) })
      endpoint.broadcast('user:1', 'disconnect', {})
      endpoint.broadcast('room:a', 'too late', {})
      await client.closed
      expect(client.frames.slice(1).map(({ event }) => event)).to.deep.equal(['news', 'news'])
    })

    it('closes every socket of that id, and no other (C1.28, C1.86)', async () => {
      const { url, endpoint } = await serve(room(), { connect })
      const [one, two] = await Promise.all([
        member(url, 'room:a', as('user:1')),
        member(url, 'room:a', as('user:1')),
      ])
      const others = await Promise.all([
        member(url, 'room:a', as('user:10')),
        member(url, 'room:a', as('user')),
        member(url),
      ])
      endpoint.broadcast('user:1', 'disconnect', {})
      expect(await one.closed).to.include({ code: 1001 })
      expect(await two.closed).to.include({ code: 1001 })
      for (const other of others) expect(await other.fence()).to.deep.equal([])
    })

    it('does nothing with another event (C1.84)', async () => {
      const { url, endpoint } = await serve(room(), { connect })
      const client = await member(url, 'room:a', as('user:1'))
      for (const event of ['Disconnect', 'phx_close', 'news'])
        endpoint.broadcast('user:1', event, {})
      expect(await client.fence()).to.deep.equal([])
    })

    it('works from another node (C1.83)', async () => {
      const [one, two] = linkedPubSubs(2) as [PubSub, PubSub]
      const near = await serve(room(), { connect, pubsub: one })
      const far = await serve(room(), { connect, pubsub: two })
      const client = await member(far.url, 'room:a', as('user:1'))
      near.endpoint.broadcast('user:1', 'disconnect', {})
      expect(await client.closed).to.include({ code: 1001 })
    })

    it('may come from a channel of the socket itself', async () => {
      const channel = room({
        on: {
          log_out(socket) {
            socket.push('last', {})
            socket.endpoint.broadcast(String(socket.id), 'disconnect', {})
            socket.push('unsent', {})
          },
        },
      })
      const { url } = await serve(channel, { connect })
      const client = await member(url, 'room:a', as('user:1'))
      client.push({ topic: 'room:a', event: 'log_out' })
      expect(await nextParts(client, 1)).to.deep.equal([['1', null, 'room:a', 'last', {}]])
      expect(await client.closed).to.include({ code: 1001 })
      expect(client.frames).to.have.length(2)
    })
  })

  describe('a socket’s id', () => {
    it('is what its channels see, null for an anonymous one', async () => {
      const ids = log<string | null>()
      const channel = room({ on: { look: ({ id }) => void ids.push(id) } })
      const { url } = await serve(channel, { connect })
      for (const client of [await member(url, 'room:a', as('user:1')), await member(url)]) {
        client.push({ topic: 'room:a', event: 'look' })
      }
      expect([await ids.next(), await ids.next()]).to.have.members(['user:1', null])
    })

    it('is given up with the socket', async () => {
      const counted = countingPubSub()
      const { url, endpoint } = await serve(room(), { connect, pubsub: counted.pubsub })
      const disconnected = recorded(endpoint.telemetry.disconnected)
      const client = await member(url, 'room:a', as('user:1'))
      expect(counted.subscriptions()).to.equal(2)
      client.terminate()
      await disconnected.next()
      expect(counted.subscriptions()).to.equal(0)
    })
  })
})
