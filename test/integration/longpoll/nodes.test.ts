import { expect } from 'chai'
import { after, afterEach, before, beforeEach, describe, it } from 'mocha'
import type { AnySocket } from '../../../server/channel/types.ts'
import { type Channel, ok } from '../../../server/index.ts'
import { createRedisPubSub } from '../../../server/pubsub/redis.ts'
import { connectRedis } from '../../../server/redis/connect.ts'
import type { Redis } from '../../../server/redis/redis.ts'
import { createTelemetry } from '../../../server/telemetry.ts'
import { gate } from '../../support/gate.ts'
import { LongPollClient } from '../../support/longpoll-client.ts'
import { REDIS_KINDS, type RedisServers } from '../../support/redis.ts'
import { replyTo } from '../../support/wire-client.ts'
import { cleanUp, isEvent, log, room, type Server, serve } from '../channels/harness.ts'

for (const { name, start } of REDIS_KINDS) {
  describe(`long-poll: several nodes with ${name}`, () => {
    let redis: RedisServers
    let clients: readonly Redis[] = []
    let sockets = log<AnySocket>()
    let nodes: readonly Server[] = []
    let urls: readonly string[] = []

    before(async () => {
      redis = await start()
    })
    after(() => redis.stop())

    beforeEach(async () => {
      sockets = log()
      const channel = room({
        join(socket) {
          sockets.push(socket)
          return ok()
        },
        on: {
          echo: (_socket, payload) => ok(payload),
          bytes: (_s, payload) => ok({ hex: hex(payload) }),
        },
      })
      clients = [1, 2, 3].map(() => connectRedis({ url: redis.url, onError() {} }))
      nodes = await Promise.all(clients.map((client) => startNode(client, channel)))
      urls = nodes.map(({ url }) => url)
    })
    afterEach(async () => {
      await cleanUp()
      await Promise.all(clients.map((client) => client.close()))
    })

    function startNode(client: Redis, channel: Channel, prefix = 'lp'): Promise<Server> {
      const telemetry = createTelemetry()
      const pubsub = createRedisPubSub({ redis: client, prefix, telemetry })
      return serve(channel, { pubsub, telemetry, longpoll: { windowMs: 2_500 } })
    }

    const hex = (payload: unknown) => Buffer.from(payload as Uint8Array).toString('hex')
    const push = (event: string, payload: unknown, ref: string) => ({
      topic: 'room:a',
      event,
      payload,
      ref,
      joinRef: '1',
    })

    it('any node takes any request of a session, in order, bytes too (C4.39)', async () => {
      const client = await LongPollClient.open(urls)
      await client.join('room:a')
      for (let n = 0; n < 30; n += 1) {
        expect(await client.push(push('echo', { n, text: 'é𝄞' }, `e${n}`))).to.equal(200)
      }
      await client.push(push('bytes', Uint8Array.of(0, 0x0a, 0x80, 0xff), 'b'))
      await client.until(replyTo('b'))
      const replies = client.frames
        .slice(1)
        .map(({ payload }) => (payload as { response: unknown }).response)
      expect(replies).to.deep.equal([
        ...Array.from({ length: 30 }, (_, n) => ({ n, text: 'é𝄞' })),
        { hex: '000a80ff' },
      ])
      expect(nodes.map(({ endpoint }) => endpoint.size.connections).sort()).to.deep.equal([0, 0, 1])
    })

    it('a poll that waits elsewhere gets what is sent; one that waits in vain, 204', async () => {
      const client = await LongPollClient.open(urls)
      await client.join('room:a')
      const socket = await sockets.next()
      for (let n = 0; n < 6; n += 1) {
        const { said } = await client.waitingPoll()
        socket.push('numbered', { n })
        expect((await said).messages).to.have.length(1)
      }
      expect(client.frames.filter(isEvent('numbered'))).to.have.length(6)
      const [one, two] = [await client.waitingPoll(), await client.waitingPoll()]
      expect(await two.said).to.include({ status: 204, token: client.token })
      expect(await one.said).to.include({ status: 204, token: client.token })
    })

    it('what its client gives up elsewhere is given up where the session is', async () => {
      const client = await LongPollClient.open(urls)
      await client.join('room:a')
      const socket = await sockets.next()
      for (let n = 0; n < 6; n += 1) {
        const abort = new AbortController()
        const { said } = await client.waitingPoll(abort.signal)
        abort.abort()
        await said.catch(() => undefined)
        // Whichever of the nodes it was at, it has told by the time that it has passed on a request of its own.
        for (const _node of urls) await client.fence()
        socket.push('numbered', { n })
        expect((await client.poll()).messages).to.have.length(1)
      }
    })

    it('a session that ended is gone everywhere, and one that never was', async () => {
      const client = await LongPollClient.open(urls)
      await client.join('room:a')
      expect(await client.post('{]')).to.equal(408)
      const answers = await Promise.all(urls.map(() => client.post('[]')))
      expect(answers).to.deep.equal([410, 410, 410])
      const forged = client.token.slice(0, 60) + 'A'.repeat(28)
      const stranger = Buffer.alloc(66, 7).toString('base64url')
      for (const token of [forged, stranger]) {
        for (const url of urls) {
          expect(await new LongPollClient([url], token).post('x'.repeat(1_000_000))).to.equal(410)
          const polled = await fetch(`${url}/socket/longpoll?vsn=2.0.0&token=${token}`)
          const { status, token: other } = (await polled.json()) as Record<string, unknown>
          expect(status).to.equal(410)
          expect(other)
            .to.match(/^[\w-]{88}$/)
            .and.not.equal(token)
        }
      }
    })

    it('a node that drains sends the polls that wait for others elsewhere, and they miss nothing', async () => {
      const [home, drained] = nodes
      if (!home || !drained) throw new Error('no nodes')
      const client = await LongPollClient.open([home.url, drained.url])
      await client.join('room:a')
      const socket = await sockets.next()
      const there = new LongPollClient([drained.url], client.token)
      const back = new LongPollClient([home.url], client.token)
      const { said } = await there.waitingPoll()
      await drained.endpoint.drain({ deadlineMs: 1_000, batchSize: 10, batchIntervalMs: 0 })
      expect(await said).to.include({ status: 204, token: client.token })
      socket.push('after', {})
      expect((await back.until(isEvent('after'))).event).to.equal('after')
    })

    it('a session of a node that drained is gone, and begins anew', async () => {
      const [home, other] = nodes
      if (!home || !other) throw new Error('no nodes')
      const client = await LongPollClient.open([home.url])
      const there = new LongPollClient([other.url], client.token)
      const { said } = await there.waitingPoll()
      await home.endpoint.drain({ deadlineMs: 1_000, batchSize: 10, batchIntervalMs: 0 })
      expect(await said).to.deep.equal({ status: 500 })
      expect(await there.post('[]')).to.equal(410)
      const { status, token } = await there.poll()
      expect(status).to.equal(410)
      expect(token).not.to.equal(client.token)
    })

    it('a POST that takes long is waited for elsewhere, too', async () => {
      const { opened, open } = gate()
      const joining = log<string>()
      const channel = room({
        topic: 'slow:*',
        async join(socket) {
          joining.push(socket.topic)
          await opened
          return ok()
        },
      })
      const [first, second] = clients
      if (!first || !second) throw new Error('no clients')
      const here = await startNode(first, channel, 'slow')
      const elsewhere = await startNode(second, channel, 'slow')
      const client = await LongPollClient.open([here.url])
      const there = new LongPollClient([elsewhere.url], client.token)
      const posted = there.push({ topic: 'slow:a', event: 'phx_join', ref: '1', joinRef: '1' })
      await joining.next()
      open()
      expect(await posted).to.equal(200)
      await there.until(replyTo('1'))
    })
  })
}
