import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { ok } from '../../../server/index.ts'
import { connectWire } from '../../support/wire-client.ts'
import { cleanUp, nextParts, parts, replied, room, serve } from './harness.ts'

describe('channels: join ref', () => {
  afterEach(cleanUp)

  const channel = room({
    on: {
      echo: (_socket, payload) => ok(payload),
      push_me: (socket, payload) => socket.push('pushed', payload),
      stop() {
        throw new Error('stop')
      },
    },
  })

  /** Sends one echo for each join_ref and returns the refs of those that were answered. */
  async function answered(joinedAs: unknown, joinRefs: readonly unknown[], ref: unknown = 'join') {
    const { url } = await serve(channel)
    const client = await connectWire(url)
    client.send(JSON.stringify([joinedAs, ref, 'room:a', 'phx_join', {}]))
    await client.next()
    for (const [index, joinRef] of joinRefs.entries()) {
      client.send(JSON.stringify([joinRef, index, 'room:a', 'echo', {}]))
    }
    const frames = await client.fence({ topic: 'room:a', event: 'echo' })
    return frames.map((frame) => parts(frame))
  }

  describe('a message of a joined topic', () => {
    it('is handled with the join_ref of the join, or with none (C3.24, C3.25)', async () => {
      expect(await answered('7', ['7', null])).to.deep.equal([
        replied('7', 0, 'room:a', 'ok'),
        replied('7', 1, 'room:a', 'ok'),
      ])
    })

    it('is dropped without a word with any other join_ref (C3.26)', async () => {
      expect(await answered('7', ['8', '', '77', 'join', true, {}, []])).to.deep.equal([])
    })

    it('is dropped where the join_ref has another type (C3.27)', async () => {
      expect(await answered('1', [1, '1'])).to.deep.equal([replied('1', 1, 'room:a', 'ok')])
      expect(await answered(1, ['1', 1])).to.deep.equal([replied(1, 1, 'room:a', 'ok')])
      expect(await answered({ a: [1] }, [{ a: ['1'] }, { a: [1] }])).to.deep.equal([
        replied({ a: [1] }, 1, 'room:a', 'ok'),
      ])
    })

    it('of a join without join_ref has none, or is dropped (C3.23)', async () => {
      expect(await answered(null, ['join', null])).to.deep.equal([
        replied('join', 1, 'room:a', 'ok'),
      ])
    })
  })

  describe('a join without join_ref', () => {
    it('is answered with none; pushes carry its ref, the end carries none (C3.23)', async () => {
      const { url } = await serve(channel)
      const client = await connectWire(url)
      client.push({ topic: 'room:a', event: 'phx_join', ref: '5' })
      client.push({ topic: 'room:a', event: 'push_me', payload: { n: 1 } })
      client.push({ topic: 'room:a', event: 'echo', ref: '6' })
      client.push({ topic: 'room:a', event: 'stop' })
      expect(await nextParts(client, 4)).to.deep.equal([
        replied(null, '5', 'room:a', 'ok'),
        ['5', null, 'room:a', 'pushed', { n: 1 }],
        replied('5', '6', 'room:a', 'ok'),
        [null, null, 'room:a', 'phx_error', { reason: 'channel_crash' }],
      ])
    })

    it('is what every V1 join may be: the end then has no ref (C2.22)', async () => {
      const { url } = await serve(channel)
      for (const joinRef of ['9', null]) {
        const client = await connectWire(url, { vsn: '1.0.0' })
        client.push({ topic: 'room:a', event: 'phx_join', ref: '5', joinRef })
        client.push({ topic: 'room:a', event: 'phx_leave', ref: '6', joinRef })
        const [joined, left, closed] = await nextParts(client, 3)
        expect([joined, left]).to.deep.equal([
          replied(null, '5', 'room:a', 'ok'),
          replied(null, '6', 'room:a', 'ok'),
        ])
        expect(closed).to.deep.equal([null, joinRef, 'room:a', 'phx_close', {}])
      }
    })
  })
})
