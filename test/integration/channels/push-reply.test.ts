import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { error, noReply, ok, reply } from '../../../server/index.ts'
import { connectWire, type WireClient } from '../../support/wire-client.ts'
import {
  ask,
  cleanUp,
  crashOf,
  type Json,
  join,
  member,
  nextParts,
  parts,
  replied,
  room,
  serve,
} from './harness.ts'

describe('channels: push reply', () => {
  afterEach(cleanUp)

  /** The response of an ok reply. */
  async function response(client: WireClient, topic: string, event: string, payload?: unknown) {
    const { status, response: value } = (await ask(client, topic, event, payload)).payload as Json
    expect(status).to.equal('ok')
    return value
  }

  describe('a push', () => {
    it('is answered with its ref, the join_ref and {} where there is nothing to say (C3.43, C2.1)', async () => {
      const { url } = await serve(room({ on: { done: () => ok() } }))
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'done', ref: '2', joinRef: '1' })
      expect(parts(await client.next())).to.deep.equal(replied('1', '2', 'room:a', 'ok'))
    })

    it('is answered with any JSON, whatever it was sent with (C3.44, C2.10, C2.11)', async () => {
      const { url } = await serve(room({ on: { echo: (_socket, payload) => ok(payload) } }))
      const client = await member(url)
      for (const payload of [null, 'text', 1.5, false, [1, [2]], { a: { b: null } }]) {
        expect(await response(client, 'room:a', 'echo', payload)).to.deep.equal(payload)
      }
    })

    it('is answered error, or with a status of its own (C2.14)', async () => {
      const channel = room({
        on: {
          error: () => error('no'),
          details: () => error({ code: 7 }),
          maybe: () => reply('maybe', [1]),
        },
      })
      const { url } = await serve(channel)
      const client = await member(url)
      const answers: Json = {
        error: { status: 'error', response: { reason: 'no' } },
        details: { status: 'error', response: { code: 7 } },
        maybe: { status: 'maybe', response: [1] },
      }
      for (const [event, answer] of Object.entries(answers)) {
        expect((await ask(client, 'room:a', event)).payload).to.deep.equal(answer)
      }
    })

    it('is not answered where the handler returns nothing (C3.45)', async () => {
      const channel = room({
        on: {
          nothing: () => undefined,
          later: async () => undefined,
          no_reply: () => noReply,
          done: () => ok(),
        },
      })
      const { url } = await serve(channel)
      const client = await member(url)
      for (const event of ['nothing', 'later', 'no_reply']) {
        client.push({ topic: 'room:a', event, ref: event })
      }
      expect(await client.fence({ topic: 'room:a', event: 'done' })).to.deep.equal([])
    })

    it('without ref is answered without ref (C3.46)', async () => {
      const { url } = await serve(room({ on: { done: () => ok() } }))
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'done' })
      expect(parts(await client.next())).to.deep.equal(replied('1', null, 'room:a', 'ok'))
    })

    it('has its ref echoed with its type (C2.4)', async () => {
      const { url } = await serve(room({ on: { done: () => ok() } }))
      const client = await member(url)
      for (const ref of [7, '', '0', true, { a: 1 }, [null]]) {
        client.push({ topic: 'room:a', event: 'done', ref })
        expect((await client.next()).ref).to.deep.equal(ref)
      }
    })

    it('sees what its handler pushed before the reply (C3.47)', async () => {
      const channel = room({
        on: {
          async both(socket) {
            socket.push('first', { n: 1 })
            await Promise.resolve()
            socket.push('second', { n: 2 })
            return ok()
          },
        },
      })
      const { url } = await serve(channel)
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'both', ref: '2' })
      expect(await nextParts(client, 3)).to.deep.equal([
        ['1', null, 'room:a', 'first', { n: 1 }],
        ['1', null, 'room:a', 'second', { n: 2 }],
        replied('1', '2', 'room:a', 'ok'),
      ])
    })

    it('of a topic that was never joined is refused, without join_ref (C3.29)', async () => {
      const { url } = await serve(room())
      const client = await connectWire(url)
      client.push({ topic: 'room:a', event: 'any', ref: '2', joinRef: '1' })
      const unmatched = replied(null, '2', 'room:a', 'error', { reason: 'unmatched topic' })
      expect(parts(await client.next())).to.deep.equal(unmatched)
    })

    it('is answered to its own connection alone', async () => {
      const { url } = await serve(room({ on: { done: () => ok() } }))
      const [client, other] = await Promise.all([connectWire(url), connectWire(url)])
      await Promise.all([join(client, 'room:a'), join(other, 'room:a')])
      await ask(client, 'room:a', 'done')
      expect(await other.fence()).to.deep.equal([])
    })
  })

  describe('what a channel pushes', () => {
    const pushes = (payload: unknown) =>
      room({ on: { push_me: (socket) => socket.push('pushed', payload) } })

    it('has no ref, and the join_ref (C2.2)', async () => {
      const { url } = await serve(pushes({ n: 1 }))
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'push_me', ref: '2' })
      expect(parts(await client.next())).to.deep.equal(['1', null, 'room:a', 'pushed', { n: 1 }])
    })

    it('is an object or bytes: anything else crashes the channel (C2.12)', async () => {
      for (const payload of [null, 'text', 1, [1], undefined, { n: 1n }]) {
        const { url } = await serve(pushes(payload))
        const client = await member(url)
        client.push({ topic: 'room:a', event: 'push_me' })
        expect(parts(await client.next())).to.deep.equal(crashOf('1', 'room:a'))
      }
    })

    it('may be a list in V1 (C2.21)', async () => {
      const { url } = await serve(pushes([1]))
      const client = await connectWire(url, { vsn: '1.0.0' })
      await join(client, 'room:a', '1')
      client.push({ topic: 'room:a', event: 'push_me' })
      expect((await client.next()).payload).to.deep.equal([1])
    })

    it('goes as bytes where it is bytes; in V1 that crashes the channel alone (C2.23, C2.26)', async () => {
      const { url } = await serve(pushes(Uint8Array.of(1, 2, 255)))
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'push_me' })
      const pushed = ['1', null, 'room:a', 'pushed', Uint8Array.of(1, 2, 255)]
      expect(parts(await client.next())).to.deep.equal(pushed)

      const old = await connectWire(url, { vsn: '1.0.0' })
      await join(old, 'room:a', '1')
      await join(old, 'room:b', '2')
      old.push({ topic: 'room:a', event: 'push_me' })
      expect((await old.next()).event).to.equal('phx_error')
      expect(await old.fence()).to.deep.equal([])
    })
  })

  describe('an answer without a JSON form', () => {
    it('crashes the channel and nothing else (C3.83)', async () => {
      const channel = room({
        on: {
          bigint: () => ok({ n: 1n }),
          later: async () => ok({ n: 1n }),
          done: () => ok(),
        },
      })
      const { url } = await serve(channel)
      const client = await connectWire(url)
      await join(client, 'room:b', 'b')
      for (const event of ['bigint', 'later']) {
        await join(client, 'room:a', event)
        client.push({ topic: 'room:a', event, ref: 'x', joinRef: event })
        expect(parts(await client.next())).to.deep.equal(crashOf(event, 'room:a'))
      }
      expect((await ask(client, 'room:b', 'done', {}, 'b')).payload).to.have.property(
        'status',
        'ok',
      )
    })
  })
})
