/** PubSub by Redis: the contract of every PubSub, and what others on the same Redis do to it. */
import { expect } from 'chai'
import { after, afterEach, before, beforeEach, describe, it } from 'mocha'
import { Broadcast } from '../../server/protocol/broadcast.ts'
import { EncodeError } from '../../server/protocol/message.ts'
import { encodeEnvelope } from '../../server/pubsub/envelope.ts'
import type { PubSub } from '../../server/pubsub/pubsub.ts'
import { createRedisPubSub } from '../../server/pubsub/redis.ts'
import { connectRedis } from '../../server/redis/connect.ts'
import type { Redis } from '../../server/redis/redis.ts'
import { createTelemetry } from '../../server/telemetry.ts'
import { Queue } from '../support/queue.ts'
import { REDIS_KINDS, type RedisServers } from '../support/redis.ts'
import { pubsubContract } from './pubsub.ts'
import { sent } from './pubsub-setup.ts'

for (const { name, start } of REDIS_KINDS) {
  describe(`PubSub by ${name}`, () => {
    let server: RedisServers
    let clients: readonly [Redis, Redis, Redis]
    let prefix: string
    let prefixes = 0

    before(async () => {
      server = await start()
      const connect = (): Redis => connectRedis({ url: server.url, onError() {} })
      clients = [connect(), connect(), connect()]
    })

    beforeEach(() => {
      prefixes += 1
      prefix = `test-${prefixes}`
    })

    after(async () => {
      await Promise.all((clients ?? []).map((client) => client.close()))
      await server?.stop()
    })

    const nodeOf = (redis: Redis, telemetry = createTelemetry()): PubSub =>
      createRedisPubSub({ redis, prefix, telemetry })

    pubsubContract(
      'three nodes',
      async () => ({ nodes: clients.map((client) => nodeOf(client)), cleanup: async () => {} }),
      3,
    )

    describe('a node', () => {
      const telemetry = createTelemetry()
      let here: PubSub
      let there: PubSub

      beforeEach(() => {
        here = nodeOf(clients[0])
        there = nodeOf(clients[1], telemetry)
      })

      afterEach(() => Promise.all([here.close(), there.close()]))

      it('ignores and counts what is foreign, future or malformed (C6.10, C6.11)', async () => {
        const dropped: unknown[] = []
        const stop = telemetry.dropped.subscribe((drop) => void dropped.push(drop))
        const heard = await hear(there, 'room')
        const envelopeOf = (topic: string): Buffer =>
          encodeEnvelope({ sender: 'n', broadcast: new Broadcast(topic, 'said', 1) })
        const future = envelopeOf('room')
        future[1] = 2
        const texts = [Buffer.from(''), Buffer.from('{"topic":"room"}')]
        const foreign = [...texts, future, envelopeOf('room').subarray(1), envelopeOf('other')]
        for (const data of foreign) await clients[0].publish(`${prefix}:t:room`, data)
        say(here, 'room', 'ours')
        expect(await heard.next()).to.equal('ours')
        stop()
        expect(dropped).to.deep.equal(foreign.map(() => ({ reason: 'foreign_envelope', count: 1 })))
      })

      it('reports what a subscriber throws at a message from elsewhere, and goes on', async () => {
        const crashes: unknown[] = []
        const stop = telemetry.crashed.subscribe(({ topic, error }) => {
          crashes.push([topic, String(error)])
        })
        const heard = await hear(there, 'room')
        await there.subscribe('room', ({ json }) => {
          if (json === '"bad"') throw new Error('broken')
        })
        for (const text of ['bad', 'good']) say(here, 'room', text)
        await heard.next((payload) => payload === 'good')
        stop()
        expect(crashes).to.deep.equal([['room', 'Error: broken']])
      })

      it('throws what cannot be encoded before anybody, anywhere, gets it', async () => {
        const [own, other] = [await hear(here, 'room'), await hear(there, 'room')]
        expect(() => say(here, 'room', { n: 1n })).to.throw(EncodeError)
        say(here, 'room', 'next')
        expect(await other.next()).to.equal('next')
        expect(own.all).to.deep.equal(['next'])
      })

      it('tells topics apart that are the same in UTF-8 (C6.15)', async () => {
        const topics = ['\ud800', '\udc00', 'a\ud800', '\ufffd', 'a\ufffd']
        const ears = await Promise.all(topics.map((topic) => hear(there, topic)))
        for (const payload of ['own', 'end']) {
          for (const [at, topic] of topics.entries()) say(here, topic, [payload, at])
        }
        for (const [at, heard] of ears.entries()) {
          await heard.next((payload) => String(payload) === `end,${at}`)
          expect(heard.all.map(String)).to.deep.equal([`own,${at}`, `end,${at}`])
        }
      })

      it('gets every byte of a binary payload larger than the wire takes at once (C6.9)', async () => {
        const heard = new Queue<Uint8Array | undefined>(String)
        await there.subscribe('room', ({ bytes }) => heard.push(bytes))
        const sent = Uint8Array.from({ length: 300_000 }, (_, at) => at % 251)
        say(here, 'room', sent)
        expect(Buffer.compare((await heard.next()) ?? Buffer.of(), sent)).to.equal(0)
      })

      it('takes every topic for heard while Redis cannot be asked', async () => {
        const away = connectRedis({ url: 'redis://127.0.0.1:1', onError() {} })
        expect(await nodeOf(away).isHeard('room')).to.equal(true)
        await away.close()
      })

      it('says of what is not published, as Redis is away or it is closed, that it is not', async () => {
        const away = connectRedis({ url: 'redis://127.0.0.1:1', onError() {} })
        const node = nodeOf(away)
        expect(await sent(node)).to.equal(false)
        expect(await sent(node, true)).to.equal(true)
        await node.close()
        expect(await sent(node)).to.equal(false)
        await away.close()
      })

      it('neither hears nor reaches nodes of another prefix', async () => {
        const own = await hear(here, 'room')
        prefix = `${prefix}:t`
        const stranger = nodeOf(clients[2])
        const heard = await hear(stranger, 'room')
        for (const topic of ['room', 't:room']) say(there, topic, 'not theirs')
        say(stranger, 'room', 'theirs')
        expect(await own.next()).to.equal('not theirs')
        expect([own.all, heard.all]).to.deep.equal([['not theirs'], ['theirs']])
        await stranger.close()
      })

      it('takes what has its own name for its own (C6.8)', async () => {
        const channel = `${prefix}:t:room`
        const envelopes = new Queue<Buffer>(String)
        const listener = { message: (data: Buffer) => envelopes.push(data), gap() {} }
        await clients[2].subscriber.subscribe(channel, listener)
        const [own, other] = [await hear(here, 'room'), await hear(there, 'room')]
        say(here, 'room', 'once')
        await clients[2].publish(channel, await envelopes.next())
        const third = nodeOf(clients[2])
        say(third, 'room', 'end')
        for (const heard of [own, other]) await heard.next((payload) => payload === 'end')
        expect([own.all, other.all]).to.deep.equal([
          ['once', 'end'],
          ['once', 'once', 'end'],
        ])
        clients[2].subscriber.unsubscribe(channel, listener)
        await third.close()
      })
    })
  })
}

/** The payloads that come. */
async function hear(pubsub: PubSub, topic: string): Promise<Queue<unknown>> {
  const heard = new Queue<unknown>((payload) => JSON.stringify(payload))
  await pubsub.subscribe(topic, ({ json }) => heard.push(JSON.parse(json)))
  return heard
}

function say(pubsub: PubSub, topic: string, payload: unknown): void {
  pubsub.publish(new Broadcast(topic, 'said', payload))
}
