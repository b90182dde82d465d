import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import type { TerminateReason } from '../../../server/channel/result.ts'
import type { AnySocket } from '../../../server/channel/types.ts'
import { accept, Broadcast, ok } from '../../../server/index.ts'
import type { WireMessage } from '../../support/client-codec.ts'
import { ask, LongPollClient, NDJSON, said } from '../../support/longpoll-client.ts'
import { replyTo } from '../../support/wire-client.ts'
import {
  cleanUp,
  gate,
  isEvent,
  log,
  member,
  parts,
  recorded,
  replied,
  room,
  serve,
} from '../channels/harness.ts'

/** Nobody waits so long in a test. */
const LONG = { longpoll: { windowMs: 15_000 } }
/** For what happens when a window ends. */
const SHORT = { longpoll: { windowMs: 300 } }

describe('long-poll: a session', () => {
  afterEach(cleanUp)

  const echo = room({ on: { echo: (_socket, payload) => ok(payload) } })
  const push = (event: string, payload: unknown = {}, ref = '2') => ({
    topic: 'room:a',
    event,
    payload,
    ref,
    joinRef: '1',
  })

  /** Its sockets, as `keep` tells them, and why its channels ended. */
  function observed() {
    const sockets = log<AnySocket>()
    const ends = log<TerminateReason>()
    const channel = room({
      join(socket) {
        sockets.push(socket)
        return ok()
      },
      on: { shout: (socket, payload) => socket.broadcastFrom('shout', payload) },
      terminate: (reason) => ends.push(reason),
    })
    return { channel, sockets, ends }
  }

  describe('what is sent to it', () => {
    it('waits for a poll, which takes all of it, oldest first, as strings (C4.2, C4.3)', async () => {
      const { url } = await serve(echo, LONG)
      const client = await LongPollClient.open(url)
      await client.push({ topic: 'room:a', event: 'phx_join', ref: '1', joinRef: '1' })
      for (const n of [1, 2, 3]) await client.push(push('echo', { n }, `e${n}`))
      const { status, token, messages } = await client.poll()
      expect({ status, token }).to.deep.equal({ status: 200, token: client.token })
      expect(messages?.every((each) => typeof each === 'string')).to.equal(true)
      expect(client.frames.map(parts)).to.deep.equal([
        replied('1', '1', 'room:a', 'ok'),
        ...[1, 2, 3].map((n) => replied('1', `e${n}`, 'room:a', 'ok', { n })),
      ])
    })

    it('goes to the poll that waits, at once, and what is sent together goes together (C4.5)', async () => {
      const { channel, sockets } = observed()
      const { url } = await serve(channel, LONG)
      const client = await LongPollClient.open(url)
      await client.join('room:a')
      const socket = await sockets.next()
      const { said: polled } = await client.waitingPoll()
      for (const n of [1, 2, 3]) socket.push('numbered', { n })
      expect((await polled).messages).to.have.length(3)
    })

    it('is a broadcast too, between it and WebSockets, but never back to its sender', async () => {
      const { channel } = observed()
      const { url } = await serve(channel, LONG)
      const [near, far] = [await LongPollClient.open(url), await LongPollClient.open(url)]
      await near.join('room:a')
      await far.join('room:a')
      const [v2, v1] = [await member(url), await member(url, 'room:a', { vsn: '1.0.0' })]
      await near.push(push('shout', { from: 'near' }, 's1'))
      v2.push(push('shout', { from: 'v2' }, 's2'))
      for (const wire of [v2, v1]) {
        expect((await wire.next(isEvent('shout'))).payload).to.deep.equal({ from: 'near' })
      }
      expect((await v1.next(isEvent('shout'))).payload).to.deep.equal({ from: 'v2' })
      await far.until(({ payload }) => (payload as { from?: string }).from === 'v2')
      expect(far.frames.filter(isEvent('shout')).map(parts)).to.deep.equal([
        [null, null, 'room:a', 'shout', { from: 'near' }],
        [null, null, 'room:a', 'shout', { from: 'v2' }],
      ])
      await near.until(isEvent('shout'))
      expect(near.frames.filter(isEvent('shout')).map(({ payload }) => payload)).to.deep.equal([
        { from: 'v2' },
      ])
      expect(await v2.fence()).to.deep.equal([])
    })

    it('comes once, although two of its channels are subscribed to the topic', async () => {
      const channel = room({
        join(socket) {
          if (socket.topic !== 'room:both') socket.sendInfo('subscribe')
          return ok()
        },
        info: (socket) => void socket.subscribe('room:both', { as: 'room:both' }),
      })
      const { url, endpoint } = await serve(channel, LONG)
      const client = await LongPollClient.open(url)
      for (const topic of ['room:a', 'room:b']) {
        await client.push({ topic, event: 'phx_join', ref: topic, joinRef: topic })
        await client.until(replyTo(topic))
      }
      endpoint.broadcast('room:both', 'news', { n: 1 })
      await client.push({ topic: 'room:a', event: 'phx_leave', ref: 'l', joinRef: 'room:a' })
      endpoint.broadcast('room:both', 'news', { n: 2 })
      await client.push({ topic: 'room:b', event: 'phx_leave', ref: 'm', joinRef: 'room:b' })
      endpoint.broadcast('room:both', 'news', { n: 3 })
      await client.until(replyTo('m'))
      const news = client.frames.filter(isEvent('news')).map(({ payload }) => payload)
      expect(news).to.deep.equal([{ n: 1 }, { n: 2 }])
      expect(endpoint.size).to.include({ topics: 0, lanes: 0 })
    })

    it('is left out where it is bytes, and counted; the rest arrives (C4.38)', async () => {
      const { channel, sockets } = observed()
      const { url, endpoint } = await serve(channel, LONG)
      const dropped = recorded(endpoint.telemetry.dropped)
      const client = await LongPollClient.open(url)
      await client.join('room:a')
      const socket = await sockets.next()
      socket.push('before', {})
      socket.push('bin', Buffer.of(0xff, 0xfe))
      endpoint.broadcast('room:a', 'bin', Buffer.of(0xff))
      socket.push('after', {})
      await client.until(isEvent('after'))
      expect(client.frames.map(({ event }) => event)).to.deep.equal([
        'phx_reply',
        'before',
        'after',
      ])
      expect(dropped.all).to.deep.equal(Array(2).fill({ reason: 'binary_for_longpoll', count: 1 }))
    })

    it('is any text, as it was', async () => {
      const { channel, sockets } = observed()
      const { url } = await serve(channel, LONG)
      const client = await LongPollClient.open(url)
      await client.join('room:a')
      const texts = ['"\\\n\r\u0000\u2028', 'é𝄞', '</script>', 'x'.repeat(100_000)]
      const socket = await sockets.next()
      for (const text of texts) socket.deliver(new Broadcast('room:a', 'said', { text }))
      await client.until(({ payload }) => (payload as { text?: string }).text === texts.at(-1))
      expect(client.frames.filter(isEvent('said')).map(({ payload }) => payload)).to.deep.equal(
        texts.map((text) => ({ text })),
      )
    })
  })

  describe('a poll', () => {
    it('that gets nothing ends with its window: 204, the same token (C4.4)', async () => {
      const { url } = await serve(echo, SHORT)
      const client = await LongPollClient.open(url)
      for (const _time of [1, 2]) {
        expect(await client.poll()).to.deep.equal({
          status: 204,
          token: client.token,
          messages: [],
        })
      }
    })

    it('is replaced by a newer one, and ends with its window (C4.30)', async () => {
      const { url } = await serve(echo, { longpoll: { windowMs: 1_500 } })
      const client = await LongPollClient.open(url)
      const older = await client.waitingPoll()
      const newer = await client.waitingPoll()
      await client.push({ topic: 'phoenix', event: 'heartbeat', ref: 'h' })
      expect((await newer.said).messages).to.have.length(1)
      expect(await older.said).to.deep.include({ status: 204, messages: [] })
    })

    it('that its client gives up costs nothing: what is sent next waits for the next one (C4.31)', async () => {
      const { url } = await serve(echo, LONG)
      const client = await LongPollClient.open(url)
      for (const ref of ['a', 'b', 'c']) {
        const abort = new AbortController()
        const { said: polled } = await client.waitingPoll(abort.signal)
        abort.abort()
        await polled.catch(() => undefined)
        await client.fence()
        await client.push({ topic: 'phoenix', event: 'heartbeat', ref })
        expect((await client.poll()).messages).to.have.length(1)
      }
      expect(client.frames.map(({ ref }) => ref)).to.deep.equal(['a', 'b', 'c'])
    })

    it('takes the token from the header, which wins over the query (C4.6)', async () => {
      const { url } = await serve(echo, LONG)
      const client = await LongPollClient.open(url)
      const headers = { 'x-phoenix-longpoll-token': client.token }
      const body = '[null,"1","phoenix","heartbeat",{}]'
      const other = `${url}/socket/longpoll?token=bad`
      expect(said(await ask(other, { method: 'POST', body, headers })).status).to.equal(200)
      expect(said(await ask(other, { headers })).messages).to.have.length(1)
      const bad = { 'x-phoenix-longpoll-token': 'bad' }
      const refused = await ask(client.url(), { method: 'POST', body, headers: bad })
      expect(said(refused)).to.deep.equal({ status: 410 })
    })
  })

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
          const { channel, ends } = observed()
          const { url } = await serve(channel, {
            longpoll: { windowMs: 300, maxMessageBytes: 1_000 },
          })
          const client = await LongPollClient.open(url)
          await client.join('room:a')
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

  describe('its end', () => {
    it('comes without polls, however often it posts; its channels terminate (C4.28, C4.29)', async () => {
      const { channel, ends } = observed()
      const { url, endpoint } = await serve(channel, SHORT)
      const disconnected = recorded(endpoint.telemetry.disconnected)
      const client = await LongPollClient.open(url)
      await client.join('room:a')
      let posted = 200
      while (posted === 200) posted = Number(await client.push(push('shout')))
      expect(posted).to.equal(410)
      expect(await ends.next()).to.deep.equal({ type: 'closed' })
      expect(disconnected.all).to.deep.equal([{ transport: 'longpoll', code: 1002 }])
      expect(endpoint.size).to.deep.equal({ connections: 0, channels: 0, topics: 0, lanes: 0 })
    })

    it('by a disconnect: the poll that waits runs into its window, the next begins anew (C4.34)', async () => {
      const { channel, ends } = observed()
      const { url, endpoint } = await serve(channel, {
        ...SHORT,
        connect: () => accept({}, 'user:1'),
      })
      const client = await LongPollClient.open(url)
      await client.join('room:a')
      const { said: waiting } = await client.waitingPoll()
      endpoint.broadcast('user:1', 'disconnect', {})
      expect(await ends.next()).to.deep.equal({ type: 'disconnected' })
      expect(await waiting).to.deep.include({ status: 204, messages: [] })
      const next = await client.poll()
      expect(next).to.include({ status: 410 })
      expect(next.token).not.to.equal(client.token)
    })

    it('what was sent before still reaches the poll that waits', async () => {
      const { channel, sockets } = observed()
      const { url, endpoint } = await serve(channel, {
        ...LONG,
        connect: () => accept({}, 'user:1'),
      })
      const client = await LongPollClient.open(url)
      await client.join('room:a')
      const socket = await sockets.next()
      const { said: waiting } = await client.waitingPoll()
      socket.push('goodbye', {})
      endpoint.broadcast('user:1', 'disconnect', {})
      expect((await waiting).status).to.equal(200)
      expect(client.frames.at(-1)?.event).to.equal('goodbye')
    })

    it('comes when more waits for it than may: nobody else is held back (C4.43)', async () => {
      const { channel, sockets, ends } = observed()
      const { url, endpoint } = await serve(channel, {
        longpoll: { windowMs: 15_000, maxBufferedBytes: 1_000_000 },
      })
      const dropped = recorded(endpoint.telemetry.dropped)
      const slow = await LongPollClient.open(url)
      await slow.join('room:a')
      const socket = await sockets.next()
      const other = await member(url)
      const pad = 'x'.repeat(200_000)
      let n = 0
      for (; dropped.all.length === 0; n += 1) {
        if (n % 2 === 0) socket.push('numbered', { n, pad })
        else endpoint.broadcast('room:a', 'numbered', { n, pad })
      }
      expect(n).to.equal(6)
      expect(await ends.next()).to.deep.equal({ type: 'closed' })
      expect(dropped.all).to.deep.equal([{ reason: 'slow_consumer', count: 1 }])
      expect(await slow.poll()).to.include({ status: 410 })
      for (const odd of [1, 3, 5]) {
        const { payload } = await other.next(isEvent('numbered'))
        expect(payload).to.deep.equal({ n: odd, pad })
      }
    })

    it('a sender that waits for room gets any amount through (Sent, onceDrained)', async () => {
      const { channel, sockets } = observed()
      const { url } = await serve(channel, {
        longpoll: { windowMs: 15_000, maxBufferedBytes: 100_000 },
      })
      const client = await LongPollClient.open(url)
      await client.join('room:a')
      const socket = await sockets.next()
      const pad = 'x'.repeat(30_000)
      let n = 0
      const sendOn = (): void => {
        for (let sent = 'sent'; n < 50 && sent === 'sent'; n += 1) {
          sent = socket.deliver(new Broadcast('room:a', 'numbered', { n, pad }))
        }
        if (n < 50) socket.onceDrained(sendOn)
      }
      sendOn()
      await client.until(({ payload }) => (payload as { n?: number }).n === 49)
      const numbers = client.frames.filter(isEvent('numbered'))
      expect(numbers.map(({ payload }) => (payload as { n: number }).n)).to.deep.equal(
        Array.from({ length: 50 }, (_, each) => each),
      )
    })

    it('takes no more channels than a WebSocket does (C4.42)', async () => {
      const { url } = await serve(echo, { ...LONG, maxChannels: 2 })
      const client = await LongPollClient.open(url)
      for (const topic of ['room:a', 'room:b', 'room:c']) {
        await client.push({ topic, event: 'phx_join', ref: topic, joinRef: topic })
      }
      expect((await client.until(replyTo('room:c'))).payload).to.deep.equal({
        status: 'error',
        response: { reason: 'too many channels joined' },
      })
    })
  })

  describe('a drain', () => {
    it('answers the polls that wait at once, and begins no session', async () => {
      const { channel, ends } = observed()
      const { url, endpoint } = await serve(channel, LONG)
      const client = await LongPollClient.open(url)
      await client.join('room:a')
      const polling = ask(client.url())
      await client.fence()
      await endpoint.drain({ deadlineMs: 5_000, batchSize: 10, batchIntervalMs: 0 })
      expect(await polling).to.include({ status: 503, body: '{"status":500}' })
      expect(ends.all).to.deep.equal([{ type: 'draining' }])
      expect(endpoint.size.connections).to.equal(0)
    })
  })
})
