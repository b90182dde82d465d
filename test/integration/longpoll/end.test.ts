import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { accept, Broadcast } from '../../../server/index.ts'
import { ask } from '../../support/http.ts'
import { LongPollClient } from '../../support/longpoll-client.ts'
import { numbers } from '../../support/numbers.ts'
import { replyTo } from '../../support/wire-client.ts'
import { cleanUp, isEvent, member, recorded, serve } from '../channels/harness.ts'
import { echo, joined, LONG, push, SHORT } from './session.ts'

describe('long-poll: the end of a session', () => {
  afterEach(cleanUp)

  describe('its end', () => {
    it('comes without polls, however often it posts; its channels terminate (C4.28, C4.29)', async () => {
      const { client, endpoint, ends } = await joined(SHORT)
      const disconnected = recorded(endpoint.telemetry.disconnected)
      let posted = 200
      while (posted === 200) posted = Number(await client.push(push('shout')))
      expect(posted).to.equal(410)
      expect(await ends.next()).to.deep.equal({ type: 'closed' })
      expect(disconnected.all).to.deep.equal([{ transport: 'longpoll', code: 1002 }])
      expect(endpoint.size).to.deep.equal({ connections: 0, channels: 0, topics: 0, lanes: 0 })
    })

    it('by a disconnect: the poll that waits runs into its window, the next begins anew (C4.34)', async () => {
      const connect = () => accept({}, 'user:1')
      const { client, endpoint, ends } = await joined({ ...SHORT, connect })
      const { said: waiting } = await client.waitingPoll()
      endpoint.broadcast('user:1', 'disconnect', {})
      expect(await ends.next()).to.deep.equal({ type: 'disconnected' })
      expect(await waiting).to.deep.include({ status: 204, messages: [] })
      const next = await client.poll()
      expect(next).to.include({ status: 410 })
      expect(next.token).not.to.equal(client.token)
    })

    it('what was sent before still reaches the poll that waits', async () => {
      const connect = () => accept({}, 'user:1')
      const { client, endpoint, socket } = await joined({ ...LONG, connect })
      const { said: waiting } = await client.waitingPoll()
      socket.push('goodbye', {})
      endpoint.broadcast('user:1', 'disconnect', {})
      expect((await waiting).status).to.equal(200)
      expect(client.frames.at(-1)?.event).to.equal('goodbye')
    })

    it('comes when more waits for it than may: nobody else is held back (C4.43)', async () => {
      const longpoll = { ...LONG.longpoll, maxBufferedBytes: 1_000_000 }
      const { url, client: slow, endpoint, socket, ends } = await joined({ longpoll })
      const dropped = recorded(endpoint.telemetry.dropped)
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
      const longpoll = { ...LONG.longpoll, maxBufferedBytes: 100_000 }
      const { client, socket } = await joined({ longpoll })
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
      const numbered = client.frames.filter(isEvent('numbered'))
      expect(numbered.map(({ payload }) => (payload as { n: number }).n)).to.deep.equal(
        numbers(0, 49),
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
      const { client, endpoint, ends } = await joined(LONG)
      const polling = ask(client.url())
      await client.fence()
      await endpoint.drain({ deadlineMs: 5_000, batchSize: 10, batchIntervalMs: 0 })
      expect(await polling).to.include({ status: 503, body: '{"status":500}' })
      expect(ends.all).to.deep.equal([{ type: 'draining' }])
      expect(endpoint.size.connections).to.equal(0)
    })
  })
})
