import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { accept, ok } from '../../../server/index.ts'
import { connectWire } from '../../support/wire-client.ts'
import {
  ask,
  cleanUp,
  crashOf,
  isEvent,
  join,
  member,
  nextParts,
  parts,
  recorded,
  replied,
  room,
  serve,
} from './harness.ts'

describe('channels: broadcast', () => {
  afterEach(cleanUp)

  const news = [null, null, 'room:a', 'news', { n: 1 }]

  const channel = room({
    on: {
      shout: (socket, payload) => socket.broadcast('news', payload),
      shout_reply(socket, payload) {
        socket.broadcast('news', payload)
        return ok()
      },
      tell_others: (socket, payload) => socket.broadcastFrom('news', payload),
      done: () => ok(),
    },
  })

  describe('a broadcast', () => {
    it('reaches every subscriber, the sender included, without refs (C3.49, C2.3)', async () => {
      const { url } = await serve(channel)
      const [sender, other, third] = await Promise.all([member(url), member(url), member(url)])
      sender.push({ topic: 'room:a', event: 'shout', payload: { n: 1 } })
      for (const client of [sender, other, third])
        expect(parts(await client.next())).to.deep.equal(news)
    })

    it('reaches no other topic', async () => {
      const { url } = await serve(channel)
      const [client, other] = await Promise.all([connectWire(url), connectWire(url)])
      await join(client, 'room:a')
      for (const [index, topic] of ['room:', 'room:A', 'room:aa', 'room:*'].entries()) {
        await join(other, topic, `${index}`)
      }
      client.push({ topic: 'room:a', event: 'shout', payload: { n: 1 } })
      await client.next()
      expect(await other.fence()).to.deep.equal([])
    })

    it('comes before the reply of the handler that made it (C3.48)', async () => {
      const { url } = await serve(channel)
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'shout_reply', payload: { n: 1 }, ref: '2' })
      expect(await nextParts(client, 2)).to.deep.equal([news, replied('1', '2', 'room:a', 'ok')])
    })

    it('from a channel reaches all but that channel, also of the same user (C3.49, C3.50)', async () => {
      const { url } = await serve(channel, { connect: () => accept({}, 'user:1') })
      const [sender, other] = await Promise.all([member(url), member(url)])
      sender.push({ topic: 'room:a', event: 'tell_others', payload: { n: 1 } })
      expect(parts(await other.next())).to.deep.equal(news)
      expect(await sender.fence()).to.deep.equal([])
    })

    it('from a channel reaches other topics of its own connection', async () => {
      const relay = room({
        on: { relay: (socket) => socket.broadcastFrom('news', { n: 1 }) },
        topic: 'hub',
      })
      const follower = room({
        info: (socket, topic) => socket.subscribe(String(topic), { as: 'room:a' }),
        join(socket) {
          socket.sendInfo('hub')
          return ok()
        },
      })
      const { url } = await serve([relay, follower])
      const client = await connectWire(url)
      await join(client, 'hub', '1')
      await join(client, 'room:a', '2')
      client.push({ topic: 'hub', event: 'relay' })
      expect(parts(await client.next())).to.deep.equal(news)
      expect(await client.fence()).to.deep.equal([])
    })

    it('reaches V1 and V2 clients in their own form (C2.24)', async () => {
      const { url } = await serve(channel)
      const v2 = await member(url)
      const v1 = await member(url, 'room:a', { vsn: '1.0.0' })
      v1.push({ topic: 'room:a', event: 'shout', payload: { n: 1 } })
      expect((await v2.next()).raw).to.equal('[null,null,"room:a","news",{"n":1}]')
      expect(JSON.parse(String((await v1.next()).raw))).to.deep.equal({
        topic: 'room:a',
        event: 'news',
        payload: { n: 1 },
        ref: null,
      })
    })

    it('of bytes reaches V2 alone, and is counted for V1 (C2.28)', async () => {
      const { url, endpoint } = await serve(channel)
      const dropped = recorded(endpoint.telemetry.dropped)
      const v2 = await member(url)
      const v1 = await member(url, 'room:a', { vsn: '1.0.0' })
      endpoint.broadcast('room:a', 'bytes', Uint8Array.of(1, 2))
      const bytes = [null, null, 'room:a', 'bytes', Uint8Array.of(1, 2)]
      expect(parts(await v2.next())).to.deep.equal(bytes)
      expect(await dropped.next()).to.deep.equal({ reason: 'binary_for_v1', count: 1 })
      expect(await v1.fence()).to.deep.equal([])
    })

    it('of what is no object crashes its channel and reaches nobody (C2.13)', async () => {
      const { url } = await serve(channel)
      for (const payload of [null, 'text', 1, [1]]) {
        const [sender, other] = await Promise.all([member(url), member(url)])
        sender.push({ topic: 'room:a', event: 'shout', payload })
        expect(parts(await sender.next())).to.deep.equal(crashOf('1', 'room:a'))
        expect(await other.fence()).to.deep.equal([])
      }
    })

    it('of the endpoint throws what cannot be encoded, and reaches nobody', async () => {
      const { url, endpoint } = await serve(channel)
      const client = await member(url)
      expect(() => endpoint.broadcast('room:a', 'news', { n: 1n })).to.throw(/no JSON form/)
      expect(() => endpoint.broadcast('room:a', 'news', [])).to.throw(/an object or bytes/)
      expect(await client.fence()).to.deep.equal([])
    })

    it('to a topic that nobody joined is nothing (C3.74)', async () => {
      const { url, endpoint } = await serve(channel)
      const client = await member(url)
      endpoint.broadcast('room:nobody', 'news', {})
      endpoint.broadcast('', '', {})
      expect(await client.fence()).to.deep.equal([])
    })

    it('may have any event name, those of the protocol too', async () => {
      const { url, endpoint } = await serve(channel)
      const client = await member(url)
      for (const event of ['phx_reply', 'phx_close', 'phx_error', '__proto__', '', 'a"b\n']) {
        endpoint.broadcast('room:a', event, {})
        const frame = parts(await client.next())
        expect(frame).to.deep.equal([null, null, 'room:a', event, {}])
      }
      expect((await ask(client, 'room:a', 'done')).event).to.equal('phx_reply')
    })

    it('of the past does not reach who joins later', async () => {
      const { url, endpoint } = await serve(channel)
      await member(url)
      endpoint.broadcast('room:a', 'news', { n: 1 })
      const late = await member(url)
      expect(await late.fence()).to.deep.equal([])
    })

    it('that a channel made just before its end still arrives', async () => {
      const farewell = room({
        on: { bye: (socket) => socket.broadcast('news', { n: 1 }) },
        terminate: (_reason, socket) => socket.broadcastFrom('left', {}),
      })
      const { url } = await serve(farewell)
      const [client, other] = await Promise.all([member(url), member(url)])
      client.push({ topic: 'room:a', event: 'bye' })
      client.push({ topic: 'room:a', event: 'phx_leave', ref: '2' })
      expect(parts(await client.next())).to.deep.equal(news)
      expect(await nextParts(other, 2)).to.deep.equal([news, [null, null, 'room:a', 'left', {}]])
    })

    it('of a connection that is cut in the middle of it reaches the others', async () => {
      // The socket is closed by its own channel's handler, which then goes on.
      const suicidal = room({
        on: {
          end(socket) {
            socket.endpoint.broadcast(String(socket.id), 'disconnect', {})
            socket.endpoint.broadcast(socket.topic, 'news', { n: 1 })
            socket.broadcastFrom('unheard', {})
          },
        },
        terminate: (_reason, socket) => socket.broadcastFrom('left', {}),
      })
      const connect = ({ id }: { readonly id?: string }) => accept({}, id ?? null)
      const { url } = await serve(suicidal, { connect })
      const other = await member(url)
      const client = await connectWire(url, { params: { id: 'user:1' } })
      await join(client, 'room:a')
      client.push({ topic: 'room:a', event: 'end' })
      expect(await client.closed).to.include({ code: 1001 })
      expect(await nextParts(other, 2)).to.deep.equal([[null, null, 'room:a', 'left', {}], news])
      expect(await other.fence()).to.deep.equal([])
    })

    it('from a channel reaches the others while its own connection ends', async () => {
      // The first channel's terminate makes the second, which has not ended yet, broadcast.
      const channel = room({
        join: (socket) => {
          socket.sendInfo('joined')
          return ok()
        },
        info(socket, message) {
          if (message === 'joined') void socket.subscribe('signals')
          else socket.broadcastFrom('news', { n: 1 })
        },
        terminate: ({ type }, socket) => {
          if (type === 'closed') socket.endpoint.broadcast('signals', 'signal', {})
        },
      })
      const { url } = await serve(channel)
      const other = await member(url, 'room:b')
      const client = await member(url)
      await join(client, 'room:b', '2')
      client.terminate()
      expect(parts(await other.next(isEvent('news')))).to.deep.equal([
        null,
        null,
        'room:b',
        'news',
        { n: 1 },
      ])
    })
  })
})
