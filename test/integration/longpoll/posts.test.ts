import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { ok } from '../../../server/index.ts'
import type { WireMessage } from '../../support/client-codec.ts'
import { gate } from '../../support/gate.ts'
import { LongPollClient, NDJSON } from '../../support/longpoll-client.ts'
import { replyTo } from '../../support/wire-client.ts'
import { cleanUp, log, room, serve } from '../channels/harness.ts'
import { echo, joined, LONG, push, SHORT } from './session.ts'

describe('long-poll: what a session is sent', () => {
  afterEach(cleanUp)

  describe('a POST', () => {
    const beats = (count: number) =>
      Array.from({ length: count }, (_, n) => `[null,"${n}","phoenix","heartbeat",{}]`)
    const refs = (frames: readonly WireMessage[]) => frames.map(({ ref }) => Number(ref))
    const upTo = (count: number) => Array.from({ length: count }, (_, n) => n)

    it('is lines in their order, by \\n or \\r\\n, empty ones skipped, up to a hundred (C4.17 to C4.23)', async () => {
      for (const [newline, end] of [
        ['\n', ''],
        ['\r\n', '\r\n'],
        ['\n\n\r\n', '\n'],
      ] as const) {
        const { url } = await serve(echo, LONG)
        const client = await LongPollClient.open(url)
        const type = { 'content-type': 'Application/X-NDJSON; charset=utf-8' }
        expect(await client.post(beats(130).join(newline) + end, type)).to.equal(200)
        await client.poll()
        expect(refs(client.frames)).to.deep.equal(upTo(100))
      }
    })

    it('of any other type is one message (C4.16)', async () => {
      const { url } = await serve(echo, LONG)
      const client = await LongPollClient.open(url)
      const [first = '', second = ''] = beats(2)
      expect(await client.post(first, { 'content-type': 'application/json' })).to.equal(200)
      expect(await client.post(second)).to.equal(200)
      await client.poll()
      expect(refs(client.frames)).to.deep.equal([0, 1])
    })

    it('takes bytes as base64 (C4.21)', async () => {
      const got = log<unknown>()
      const channel = room({ on: { bytes: (_socket, payload) => void got.push(payload) } })
      const { url } = await serve(channel, LONG)
      const client = await LongPollClient.open(url)
      await client.join('room:a')
      await client.push(push('bytes', Uint8Array.of(0, 1, 254, 255)))
      expect(Buffer.from((await got.next()) as Uint8Array)).to.deep.equal(Buffer.of(0, 1, 254, 255))
    })

    it('is answered when its messages have been taken: a join that takes longer than a window, 408 (C4.25)', async () => {
      const { opened, open } = gate()
      const joins = log<string>()
      const channel = room({
        async join(socket) {
          joins.push(socket.topic)
          if (socket.topic === 'room:slow') await opened
          return ok()
        },
      })
      const { url } = await serve(channel, SHORT)
      const client = await LongPollClient.open(url)
      const join = (topic: string) => ({ topic, event: 'phx_join', ref: topic, joinRef: topic })
      expect(await client.push(join('room:slow'), join('room:skipped'))).to.equal(408)
      const after = client.push(join('room:after'))
      open()
      expect(await after).to.equal(200)
      await client.until(replyTo('room:after'))
      expect(client.frames.map(({ ref }) => ref)).to.deep.equal(['room:slow', 'room:after'])
      expect(joins.all).to.deep.equal(['room:slow', 'room:after'])
    })

    it('of what is no message ends the session: 408 after a window, then 410 (C4.27)', async () => {
      const bads = [
        ['no JSON', '{]', {}],
        ['empty', '', {}],
        ['empty, as lines', '', NDJSON],
        ['no frame', '[1,2]', NDJSON],
        ['bytes that are no push', 'AQID', NDJSON],
        ['no UTF-8', Buffer.of(0x5b, 0xff, 0x5d), {}],
        ['too large', `["1","2","room:a","x",{"a":"${'x'.repeat(1_000)}"}]`, {}],
      ] as const
      await Promise.all(
        bads.map(async ([what, body, type]) => {
          const { client, ends } = await joined({
            longpoll: { ...SHORT.longpoll, maxMessageBytes: 1_000 },
          })
          expect(await client.post(body, type), what).to.equal(408)
          expect((await ends.next()).type, what).to.equal('closed')
          expect(await client.post('[null,"1","phoenix","heartbeat",{}]'), what).to.equal(410)
        }),
      )
    })

    it('of a message as large as is allowed is taken', async () => {
      const { url } = await serve(echo, { longpoll: { maxMessageBytes: 2_000_000 } })
      const client = await LongPollClient.open(url)
      await client.join('room:a')
      const big = 'x'.repeat(1_999_900)
      expect(await client.push(push('echo', { big }))).to.equal(200)
      expect((await client.until(replyTo('2'))).payload).to.deep.equal({
        status: 'ok',
        response: { big },
      })
    })
  })
})
