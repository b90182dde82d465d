import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { DRAIN_DEFAULTS } from '../../../server/drain.ts'
import { accept, error, ok, reply, type SocketRef, stop } from '../../../server/index.ts'
import { freePort } from '../../support/free-port.ts'
import { gate } from '../../support/gate.ts'
import {
  AT_ONCE,
  collect,
  joinChannel,
  joinRefused,
  openSocket,
  pushError,
  pushOk,
} from '../../support/phoenix-client.ts'
import { cleanUp, log, room, serve } from './harness.ts'

describe('channels: phoenix client', () => {
  afterEach(cleanUp)

  describe('the official client', () => {
    it('joins, pushes and hears broadcasts', async () => {
      const channel = room({
        join: (_socket, params) => ok({ params }),
        on: {
          echo: (_socket, payload) => ok(payload),
          refuse: () => error('no'),
          shout: (socket, payload) => socket.broadcast('news', payload),
        },
      })
      const { url } = await serve(channel)
      const socket = await openSocket(`${url}/socket`)
      const a = socket.channel('room:a', { n: 1 })
      const news = collect(a, 'news')
      expect(await joinChannel(a)).to.deep.equal({ params: { n: 1 } })
      expect(await pushOk(a, 'echo', { n: 2 })).to.deep.equal({ n: 2 })
      expect(await pushError(a, 'refuse')).to.deep.equal({ reason: 'no' })
      a.push('shout', { n: 3 })
      expect(await news.next()).to.deep.equal({ n: 3 })
    })

    it('hears a status of its own, and bytes (C2.14, C2.27)', async () => {
      const channel = room({
        on: {
          maybe: () => reply('maybe', { n: 1 }),
          bytes: (_socket, payload) => ok(payload),
        },
      })
      const { url } = await serve(channel)
      const a = (await openSocket(`${url}/socket`)).channel('room:a')
      await joinChannel(a)
      const answers = log<unknown>()
      // Its types know three statuses; the client itself takes any.
      a.push('maybe', {}).receive('maybe' as 'ok', (response: unknown) => answers.push(response))
      expect(await answers.next()).to.deep.equal({ n: 1 })
      a.push('bytes', Uint8Array.of(1, 2).buffer as object).receive('ok', (response: ArrayBuffer) =>
        answers.push([...new Uint8Array(response)]),
      )
      expect(await answers.next()).to.deep.equal([1, 2])
    })

    it('takes the first of several replies (C3.53)', async () => {
      const refs = log<SocketRef>()
      const channel = room({
        on: { keep: (socket) => void refs.push(socket.socketRef()), done: () => ok() },
      })
      const { url } = await serve(channel)
      const a = (await openSocket(`${url}/socket`)).channel('room:a')
      await joinChannel(a)
      const answers = log<unknown>()
      a.push('keep', {}).receive('ok', (response: unknown) => answers.push(response))
      const kept = await refs.next()
      for (const n of [1, 2]) kept.reply('ok', { n })
      expect(await answers.next()).to.deep.equal({ n: 1 })
      await pushOk(a, 'done')
      expect(answers.all).to.have.length(1)
    })

    it('comes back and rejoins after a disconnect or a crash of its connection (C1.85, C1.93)', async () => {
      const joins = log<string>()
      const channel = room({
        join({ id }) {
          joins.push(String(id))
          return ok()
        },
        on: { done: () => ok() },
      })
      const { url, endpoint } = await serve(channel, { connect: () => accept({}, 'user:1') })
      const socket = await openSocket(`${url}/socket`, AT_ONCE)
      const a = socket.channel('room:a')
      await joinChannel(a)
      await joins.next()
      for (const end of [
        () => endpoint.broadcast('user:1', 'disconnect', {}),
        () => (socket as unknown as { conn: WebSocket }).conn.send('garbage'),
      ]) {
        end()
        expect(await joins.next()).to.equal('user:1')
      }
      await pushOk(a, 'done')
    })

    it('comes back after the node went down for a restart (C1.93)', async () => {
      const joins = log<string>()
      const channel = room({
        join({ topic }) {
          joins.push(topic)
          return ok()
        },
      })
      const port = await freePort()
      const { url, endpoint } = await serve(channel, { port })
      const socket = await openSocket(`${url}/socket`, AT_ONCE)
      await joinChannel(socket.channel('room:a'))
      await joins.next()
      await endpoint.drain(DRAIN_DEFAULTS)
      await serve(channel, { port })
      expect(await joins.next()).to.equal('room:a')
    })

    it('rejoins after phx_error and after a refusal, never after phx_close (C3.87)', async () => {
      const joins = log<string>()
      let refusals = 1
      const channel = room({
        join({ topic }) {
          joins.push(topic)
          if (topic !== 'room:refused' || refusals === 0) return ok()
          refusals -= 1
          return error('not yet')
        },
        on: {
          crash() {
            throw new Error('crash')
          },
          stop: () => stop('normal'),
          done: () => ok(),
        },
      })
      const { url } = await serve(channel)
      const socket = await openSocket(`${url}/socket`, AT_ONCE)
      const crashing = socket.channel('room:a')
      await joinChannel(crashing)
      await joins.next()
      crashing.push('crash', {})
      expect(await joins.next()).to.equal('room:a')
      await pushOk(crashing, 'done')

      const refused = socket.channel('room:refused')
      expect(await joinRefused(refused)).to.deep.equal({ reason: 'not yet' })
      for (const _attempt of [1, 2]) expect(await joins.next()).to.equal('room:refused')

      const closing = socket.channel('room:closing')
      await joinChannel(closing)
      await joins.next()
      const closed = new Promise<void>((resolve) => closing.onClose(() => resolve()))
      closing.push('stop', {})
      await closed
      crashing.push('crash', {})
      expect(await joins.next(), 'the next to join').to.equal('room:a')
    })

    it('whose join timed out leaves and joins again, though the server answered late (C3.86)', async () => {
      const slow = gate()
      const joins = log<number>()
      const ends = log<string>()
      const channel = room({
        async join() {
          joins.push(joins.all.length + 1)
          if (joins.all.length === 1) await slow.opened
          return ok({ attempt: joins.all.length })
        },
        on: { done: () => ok() },
        terminate: ({ type }) => ends.push(type),
      })
      const { url, endpoint } = await serve(channel)
      const socket = await openSocket(`${url}/socket`, AT_ONCE)
      const a = socket.channel('room:a')
      const timedOut = new Promise<void>((resolve) => {
        a.join(50).receive('timeout', () => resolve())
      })
      await timedOut
      slow.open()
      expect(await joins.next((attempt) => attempt === 2)).to.equal(2)
      await pushOk(a, 'done')
      expect(ends.all).to.deep.equal(['left'])
      expect(endpoint.size).to.include({ channels: 1, topics: 1 })
    })

    it('with a second channel of a topic leaves the first and ends joined (C3.88)', async () => {
      const { url, endpoint } = await serve(room({ on: { done: () => ok() } }))
      const socket = await openSocket(`${url}/socket`, AT_ONCE)
      const first = socket.channel('room:a')
      await joinChannel(first)
      const second = socket.channel('room:a')
      await joinChannel(second)
      expect(await pushOk(second, 'done')).to.deep.equal({})
      expect(endpoint.size).to.include({ channels: 1, topics: 1 })
    })

    it('ignores what comes after phx_close (C3.89)', async () => {
      const channel = room({
        on: { done: () => ok() },
        terminate: (_reason, socket) => socket.push('late', {}),
      })
      const { url } = await serve(channel)
      const socket = await openSocket(`${url}/socket`, AT_ONCE)
      const a = socket.channel('room:a')
      const late = collect(a, 'late')
      await joinChannel(a)
      await new Promise<void>((resolve) => {
        a.leave().receive('ok', () => resolve())
      })
      const b = socket.channel('room:b')
      await joinChannel(b)
      await pushOk(b, 'done')
      expect(late.all).to.deep.equal([])
    })
  })
})
