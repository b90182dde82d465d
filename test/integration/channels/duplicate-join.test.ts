import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import type { TerminateReason } from '../../../server/channel/result.ts'
import { error, ok } from '../../../server/index.ts'
import { gate } from '../../support/gate.ts'
import { connectWire, replyTo } from '../../support/wire-client.ts'
import {
  cleanUp,
  closeOf,
  isEvent,
  join,
  log,
  nextParts,
  parts,
  replied,
  room,
  serve,
} from './harness.ts'

describe('channels: duplicate join', () => {
  afterEach(cleanUp)

  describe('a second join of a topic', () => {
    it('is answered before the first is closed, then come its pushes (C3.36)', async () => {
      const channel = room({
        join(socket) {
          socket.sendInfo('after_join')
          return ok()
        },
        info: (socket) => socket.push('after_join', {}),
      })
      const { url, endpoint } = await serve(channel)
      const client = await connectWire(url)
      await join(client, 'room:a', '1')
      await client.next(isEvent('after_join'))
      client.push({ topic: 'room:a', event: 'phx_join', ref: '2', joinRef: '2' })
      expect(await nextParts(client, 3)).to.deep.equal([
        replied('2', '2', 'room:a', 'ok'),
        closeOf('1', 'room:a'),
        ['2', null, 'room:a', 'after_join', {}],
      ])
      expect(endpoint.size).to.deep.equal({ connections: 1, channels: 1, topics: 1, lanes: 1 })
    })

    it('gets each broadcast once', async () => {
      const { url, endpoint } = await serve(room())
      const client = await connectWire(url)
      for (const joinRef of ['1', '2', '3']) await join(client, 'room:a', joinRef)
      endpoint.broadcast('room:a', 'news', {})
      await client.next(isEvent('news'))
      expect((await client.fence()).filter(isEvent('news'))).to.deep.equal([])
    })

    for (const event of ['slow', 'failing']) {
      it(`silences a ${event} handler of the first that still runs (C3.37)`, async () => {
        const slow = gate()
        const done = log<string>()
        const channel = room({
          on: {
            async slow(socket) {
              await slow.opened
              socket.push('late', {})
              socket.broadcast('late', {})
              socket.broadcastFrom('late', {})
              void socket.subscribe('late', { as: 'room:a' })
              socket.sendInfo('late')
              socket.assign({ late: true })
              done.push('slow')
              return ok({ late: true })
            },
            async failing() {
              await slow.opened
              done.push('failing')
              throw new Error('late')
            },
            show: ({ assigns }) => ok(assigns),
          },
        })
        const { url, endpoint } = await serve(channel)
        const client = await connectWire(url)
        await join(client, 'room:a', '1')
        client.push({ topic: 'room:a', event, ref: '2', joinRef: '1' })
        client.push({ topic: 'room:a', event: 'show', ref: '3', joinRef: '1' })
        await join(client, 'room:a', '4')
        expect(parts(await client.next())).to.deep.equal(closeOf('1', 'room:a'))
        slow.open()
        expect(await done.next()).to.equal(event)
        expect(await client.fence({ topic: 'room:a', event: 'show' })).to.deep.equal([])
        expect(endpoint.size).to.include({ channels: 1, topics: 1, lanes: 1 })
      })
    }

    it('that is refused closes the first all the same (C3.38)', async () => {
      const channel = room({
        async join(_socket, { how }) {
          if (how === 'throws') throw new Error('no')
          return how === 'refused' ? error('no') : ok()
        },
      })
      const { url, endpoint } = await serve(channel)
      for (const [how, reason] of [
        ['refused', 'no'],
        ['throws', 'join crashed'],
      ]) {
        const client = await connectWire(url)
        await join(client, 'room:a', '1')
        client.push({
          topic: 'room:a',
          event: 'phx_join',
          payload: { how },
          ref: '2',
          joinRef: '2',
        })
        expect(await nextParts(client, 2)).to.deep.equal([
          replied('2', '2', 'room:a', 'error', { reason }),
          closeOf('1', 'room:a'),
        ])
        expect(endpoint.size).to.include({ channels: 0, topics: 0, lanes: 0 })
      }
    })

    it('with the same join_ref closes that join_ref (C3.39)', async () => {
      const { url } = await serve(room())
      const client = await connectWire(url)
      await join(client, 'room:a', '1')
      client.push({ topic: 'room:a', event: 'phx_join', ref: '2', joinRef: '1' })
      expect(await nextParts(client, 2)).to.deep.equal([
        replied('1', '2', 'room:a', 'ok'),
        closeOf('1', 'room:a'),
      ])
    })

    it('does not call terminate of the first (C3.40)', async () => {
      const ends = log<TerminateReason>()
      const { url } = await serve(room({ terminate: (reason) => ends.push(reason) }))
      const client = await connectWire(url)
      await join(client, 'room:a', '1')
      await join(client, 'room:a', '2')
      client.push({ topic: 'room:a', event: 'phx_leave', ref: '3', joinRef: '2' })
      await client.next(replyTo('3'))
      await client.fence()
      expect(ends.all).to.deep.equal([{ type: 'left' }])
    })

    it('silences the first from the start, while it is slow itself', async () => {
      const slow = gate()
      const joining = log<unknown>()
      const channel = room({
        async join(_socket, { wait }) {
          joining.push(wait)
          if (wait === true) await slow.opened
          return ok()
        },
      })
      const { url, endpoint } = await serve(channel)
      const [client, other] = await Promise.all([connectWire(url), connectWire(url)])
      await join(client, 'room:a', '1')
      await join(other, 'room:a', '1')
      const payload = { wait: true }
      client.push({ topic: 'room:a', event: 'phx_join', payload, ref: '2', joinRef: '2' })
      await joining.next((wait) => wait === true)
      endpoint.broadcast('room:a', 'meanwhile', {})
      await other.next(isEvent('meanwhile'))
      slow.open()
      expect(await nextParts(client, 2)).to.deep.equal([
        replied('2', '2', 'room:a', 'ok'),
        closeOf('1', 'room:a'),
      ])
      expect(await client.fence()).to.deep.equal([])
    })
  })
})
