import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { Broadcast, ok } from '../../../server/index.ts'
import { ask } from '../../support/http.ts'
import { LongPollClient, said } from '../../support/longpoll-client.ts'
import { replyTo } from '../../support/wire-client.ts'
import {
  cleanUp,
  isEvent,
  member,
  parts,
  recorded,
  replied,
  room,
  serve,
} from '../channels/harness.ts'
import { echo, joined, LONG, push, SHORT } from './session.ts'

describe('long-poll: what is sent to a session', () => {
  afterEach(cleanUp)

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
      const { client, socket } = await joined(LONG)
      const { said: polled } = await client.waitingPoll()
      for (const n of [1, 2, 3]) socket.push('numbered', { n })
      expect((await polled).messages).to.have.length(3)
    })

    it('is a broadcast too, between it and WebSockets, but never back to its sender', async () => {
      const { url, client: near } = await joined(LONG)
      const far = await LongPollClient.open(url)
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
      const { client, endpoint, socket } = await joined(LONG)
      const dropped = recorded(endpoint.telemetry.dropped)
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
      const { client, socket } = await joined(LONG)
      const texts = ['"\\\n\r\u0000\u2028', 'é𝄞', '</script>', 'x'.repeat(100_000)]
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
})
