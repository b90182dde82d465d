import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import type { TerminateReason } from '../../../server/channel/result.ts'
import type { AnySocket } from '../../../server/channel/types.ts'
import { ok } from '../../../server/index.ts'
import {
  ask,
  cleanUp,
  isEvent,
  join,
  log,
  member,
  parts,
  recorded,
  room,
  serve,
} from './harness.ts'

describe('channels: end of connection', () => {
  afterEach(cleanUp)

  describe('the end of a connection', () => {
    for (const how of ['close', 'terminate'] as const) {
      it(`by the client's ${how} ends its channels, without a frame (C1.80, C1.81, C3.79)`, async () => {
        const ends = log<TerminateReason>()
        const channel = room({
          terminate(reason, socket) {
            ends.push(reason)
            socket.push('bye', {})
          },
        })
        const { url, endpoint } = await serve(channel)
        const left = recorded(endpoint.telemetry.left)
        const client = await member(url)
        await join(client, 'room:b', '2')
        if (how === 'close') client.close(1000, 'done')
        else client.terminate()
        const { code } = await client.closed
        expect(code).to.equal(how === 'close' ? 1000 : 1006)
        for (const topic of ['room:a', 'room:b']) {
          expect(await ends.next()).to.deep.equal({ type: 'closed' })
          expect(await left.next()).to.deep.equal({ topic, reason: 'closed' })
        }
        expect(client.frames).to.have.length(2)
        expect(endpoint.size).to.deep.equal({ connections: 0, channels: 0, topics: 0, lanes: 0 })
      })
    }

    it('lets terminate broadcast to those who stay', async () => {
      const channel = room({ terminate: (_reason, socket) => socket.broadcast('left', {}) })
      const { url } = await serve(channel)
      const [client, other] = await Promise.all([member(url), member(url)])
      client.terminate()
      expect(parts(await other.next())).to.deep.equal([null, null, 'room:a', 'left', {}])
    })
  })

  describe('a socket that was kept beyond the end of its channel', () => {
    it('does nothing, and throws nothing', async () => {
      const sockets = log<AnySocket>()
      const channel = room({
        on: { keep: (socket) => void sockets.push(socket), done: () => ok() },
        info() {
          throw new Error('informed')
        },
      })
      const { url, endpoint } = await serve(channel)
      const crashes = recorded(endpoint.telemetry.crashed)
      const [client, other] = await Promise.all([member(url), member(url, 'room:a')])
      client.push({ topic: 'room:a', event: 'keep' })
      const socket = await sockets.next()
      await ask(client, 'room:a', 'phx_leave')
      await client.next(isEvent('phx_close'))
      const before = endpoint.size

      socket.push('late', {})
      socket.broadcast('late', {})
      socket.broadcastFrom('late', {})
      socket.localBroadcast('late', {})
      expect(socket.subscribe('room:other')).to.equal(undefined)
      expect(socket.subscribe('room:other', { as: 'room:a' })).to.equal(undefined)
      socket.unsubscribe('room:a')
      socket.sendInfo('late')
      socket.assign({ late: true })

      expect(endpoint.size).to.deep.equal(before)
      endpoint.broadcast('room:other', 'late', {})
      expect(await client.fence()).to.deep.equal([])
      expect(await other.fence({ topic: 'room:a', event: 'done' })).to.deep.equal([])
      expect(crashes.all).to.deep.equal([])
    })

    it('holds nothing that terminate subscribed to', async () => {
      const channel = room({
        terminate(_reason, socket) {
          void socket.subscribe('feed', { as: 'room:a' })
          void socket.subscribe('log')
          return Promise.resolve().then(() => void socket.subscribe('later', { as: 'room:a' }))
        },
      })
      const { url, endpoint } = await serve(channel)
      const client = await member(url)
      await ask(client, 'room:a', 'phx_leave')
      await client.fence()
      expect(endpoint.size).to.deep.equal({ connections: 1, channels: 0, topics: 0, lanes: 0 })
    })
  })
})
