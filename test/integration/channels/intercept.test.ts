import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import type { TerminateReason } from '../../../server/channel/result.ts'
import { accept, type Channel, defineSocket, ok, stop } from '../../../server/index.ts'
import {
  assertClosed,
  assertError,
  assertPush,
  assertReply,
  connect,
  join,
  push,
  refutePush,
  TestEndpoint,
} from '../../../server/testing/index.ts'
import { gate } from '../../support/gate.ts'
import { cleanUp, type Json, member, parts, room, type Script, serve } from './harness.ts'

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

  /** Lets a client of each name into `room:a`, on one endpoint. */
  const enter = (channel: Channel) => {
    const endpoint = new TestEndpoint()
    const connected = ({ user }: Readonly<Record<string, string>>) => accept({ user })
    const userSocket = defineSocket({ channels: [channel], connect: connected })
    const as = async (user: string) =>
      join(await connect(userSocket, { user }, { endpoint }), 'room:a')
    const broadcast = (event: string, payload: unknown) =>
      endpoint.broadcast('room:a', event, payload)
    return { as, broadcast }
  }

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
      const { as, broadcast } = enter(intercepting({ news: () => undefined }))
      const ann = await as('ann')
      broadcast('news', {})
      broadcast('other', { n: 1 })
      await assertPush(ann, 'other', { n: 1 })
      await refutePush(ann)
    })

    it('does not come to the channel that it was broadcast from', async () => {
      const channel = intercepting({ news: (socket, payload) => socket.push('news', payload) })
      const { as } = enter(channel)
      const [sender, other] = [await as('ann'), await as('bob')]
      push(sender, 'tell_others', { n: 1 })
      await assertPush(other, 'news', { n: 1 })
      await refutePush(sender)
    })

    it('comes to each subscriber with a payload of its own (C3.69)', async () => {
      const { as, broadcast } = enter(
        intercepting({
          news(socket, payload) {
            const list = payload['list'] as number[]
            list.push(list.length)
            socket.push('news', { list })
          },
        }),
      )
      const channels = [await as('ann'), await as('bob'), await as('cat')]
      const list = [0]
      broadcast('news', { list })
      for (const channel of channels) await assertPush(channel, 'news', { list: [0, 1] })
      expect(list).to.deep.equal([0])
    })

    it('of bytes comes as bytes, each a copy (C3.69)', async () => {
      const { as, broadcast } = enter(
        intercepting({
          news(socket, payload) {
            const bytes = payload as unknown as Uint8Array
            bytes[0] = (bytes[0] ?? 0) + 1
            socket.push('news', bytes)
          },
        }),
      )
      const channels = [await as('ann'), await as('bob')]
      broadcast('news', Uint8Array.of(1, 2))
      for (const channel of channels) await assertPush(channel, 'news', Uint8Array.of(2, 2))
    })

    it('waits for the handler that runs', async () => {
      const slow = gate()
      const { as, broadcast } = enter(
        intercepting(
          { news: (socket, payload) => socket.push('news', payload) },
          { on: { slow: async () => ok(await slow.opened.then(() => ({}))) } },
        ),
      )
      const ann = await as('ann')
      const ref = push(ann, 'slow')
      broadcast('news', { n: 1 })
      await refutePush(ann, undefined, undefined, { timeoutMs: 0 })
      slow.open()
      await assertReply(ref, 'ok')
      await assertPush(ann, 'news', { n: 1 })
    })

    it('may stop the channel (C3.68)', async () => {
      const ends: TerminateReason[] = []
      const { as, broadcast } = enter(
        intercepting({ news: () => stop() }, { terminate: (reason) => ends.push(reason) }),
      )
      const ann = await as('ann')
      broadcast('news', {})
      await assertClosed(ann)
      expect(ends).to.deep.equal([{ type: 'stopped', reason: 'normal' }])
    })

    it('crashes the channel where its handler throws or answers, and no other subscriber (C3.63)', async () => {
      const { as, broadcast } = enter(
        intercepting({
          news(socket, { how }) {
            if ((socket.assigns as Json)['user'] !== 'ann') return socket.push('news', { how })
            if (how === 'throws') throw new Error('no')
            if (how === 'rejects') return Promise.reject(new Error('no'))
            return ok()
          },
        }),
      )
      const bob = await as('bob')
      for (const how of ['throws', 'rejects', 'answers']) {
        const ann = await as('ann')
        broadcast('news', { how })
        expect(await assertError(ann), how).to.have.property('type', 'crashed')
        await assertPush(bob, 'news', { how })
      }
      await assertReply(push(bob, 'done'), 'ok')
    })
  })
})
