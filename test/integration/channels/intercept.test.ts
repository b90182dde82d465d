import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import type { TerminateReason } from '../../../server/channel/result.ts'
import { accept, ok, stop } from '../../../server/index.ts'
import {
  ask,
  cleanUp,
  closeOf,
  crashOf,
  gate,
  type Json,
  log,
  member,
  nextParts,
  parts,
  replied,
  room,
  type Script,
  serve,
} from './harness.ts'

describe('channels: intercept', () => {
  afterEach(cleanUp)

  const intercepting = (intercept: Script['intercept'], more: Script = {}) =>
    room({
      ...more,
      ...(intercept && { intercept }),
      on: {
        shout: (socket, payload) => socket.broadcast('news', payload),
        tell_others: (socket, payload) => socket.broadcastFrom('news', payload),
        done: () => ok(),
        ...more.on,
      },
    })

  describe('an intercepted event', () => {
    it('is what the channel pushes, with its join_ref, and nothing else (C3.66)', async () => {
      const channel = intercepting({
        news(socket, payload) {
          const { user } = socket.assigns as Json
          if (user !== 'deaf') socket.push('news', { ...payload, user })
        },
      })
      const { url } = await serve(channel, { connect: ({ user }) => accept({ user }) })
      const as = (user: string) => member(url, 'room:a', { params: { user } })
      const [ann, deaf] = await Promise.all([as('ann'), as('deaf')])
      deaf.push({ topic: 'room:a', event: 'shout', payload: { n: 1 } })
      const pushed = ['1', null, 'room:a', 'news', { n: 1, user: 'ann' }]
      expect(parts(await ann.next())).to.deep.equal(pushed)
      expect(await deaf.fence({ topic: 'room:a', event: 'done' })).to.deep.equal([])
    })

    it('leaves other events as they are', async () => {
      const channel = intercepting({ news: () => undefined })
      const { url, endpoint } = await serve(channel)
      const client = await member(url)
      endpoint.broadcast('room:a', 'news', {})
      endpoint.broadcast('room:a', 'other', {})
      expect(parts(await client.next())).to.deep.equal([null, null, 'room:a', 'other', {}])
    })

    it('does not come to the channel that it was broadcast from', async () => {
      const channel = intercepting({ news: (socket, payload) => socket.push('news', payload) })
      const { url } = await serve(channel)
      const [sender, other] = await Promise.all([member(url), member(url)])
      sender.push({ topic: 'room:a', event: 'tell_others', payload: { n: 1 } })
      expect(parts(await other.next())).to.deep.equal(['1', null, 'room:a', 'news', { n: 1 }])
      expect(await sender.fence({ topic: 'room:a', event: 'done' })).to.deep.equal([])
    })

    it('comes to each subscriber with a payload of its own (C3.69)', async () => {
      const channel = intercepting({
        news(socket, payload) {
          const list = payload['list'] as number[]
          list.push(list.length)
          socket.push('news', { list })
        },
      })
      const { url, endpoint } = await serve(channel)
      const clients = await Promise.all([member(url), member(url), member(url)])
      const list = [0]
      endpoint.broadcast('room:a', 'news', { list })
      for (const client of clients) {
        expect((await client.next()).payload).to.deep.equal({ list: [0, 1] })
      }
      expect(list).to.deep.equal([0])
    })

    it('of bytes comes as bytes, each a copy (C3.69)', async () => {
      const channel = intercepting({
        news(socket, payload) {
          const bytes = payload as unknown as Uint8Array
          bytes[0] = (bytes[0] ?? 0) + 1
          socket.push('news', bytes)
        },
      })
      const { url, endpoint } = await serve(channel)
      const clients = await Promise.all([member(url), member(url)])
      endpoint.broadcast('room:a', 'news', Uint8Array.of(1, 2))
      for (const client of clients) {
        expect((await client.next()).payload).to.deep.equal(Uint8Array.of(2, 2))
      }
    })

    it('waits for the handler that runs', async () => {
      const slow = gate()
      const channel = intercepting(
        { news: (socket, payload) => socket.push('news', payload) },
        { on: { slow: async () => ok(await slow.opened.then(() => ({}))) } },
      )
      const { url, endpoint } = await serve(channel)
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'slow', ref: '2' })
      await client.fence()
      endpoint.broadcast('room:a', 'news', { n: 1 })
      slow.open()
      expect(await nextParts(client, 2)).to.deep.equal([
        replied('1', '2', 'room:a', 'ok'),
        ['1', null, 'room:a', 'news', { n: 1 }],
      ])
    })

    it('may stop the channel (C3.68)', async () => {
      const ends = log<TerminateReason>()
      const channel = intercepting(
        { news: () => stop('normal') },
        { terminate: (reason) => ends.push(reason) },
      )
      const { url, endpoint } = await serve(channel)
      const client = await member(url)
      endpoint.broadcast('room:a', 'news', {})
      expect(parts(await client.next())).to.deep.equal(closeOf('1', 'room:a'))
      expect(ends.all).to.deep.equal([{ type: 'stopped', reason: 'normal' }])
    })

    it('crashes the channel where its handler throws or answers, and no other subscriber (C3.63)', async () => {
      const channel = intercepting({
        news(socket, { how }) {
          if ((socket.assigns as Json)['user'] !== 'ann') return socket.push('news', { how })
          if (how === 'throws') throw new Error('no')
          if (how === 'rejects') return Promise.reject(new Error('no'))
          return ok()
        },
      })
      const { url, endpoint } = await serve(channel, { connect: ({ user }) => accept({ user }) })
      const bob = await member(url, 'room:a', { params: { user: 'bob' } })
      for (const how of ['throws', 'rejects', 'answers']) {
        const ann = await member(url, 'room:a', { params: { user: 'ann' } })
        endpoint.broadcast('room:a', 'news', { how })
        expect(parts(await ann.next()), how).to.deep.equal(crashOf('1', 'room:a'))
        expect(parts(await bob.next())).to.deep.equal(['1', null, 'room:a', 'news', { how }])
      }
      expect((await ask(bob, 'room:a', 'done')).payload).to.have.property('status', 'ok')
    })
  })
})
