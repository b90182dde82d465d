/** What PubSub among nodes adds to the contract: other nodes, and others on the same Redis. */
import { expect } from 'chai'
import { after, afterEach, before, beforeEach, describe, it } from 'mocha'
import { Broadcast } from '../../server/protocol/broadcast.ts'
import { EncodeError } from '../../server/protocol/message.ts'
import { encodeEnvelope } from '../../server/pubsub/envelope.ts'
import type { PubSub } from '../../server/pubsub/pubsub.ts'
import { createRedisPubSub } from '../../server/pubsub/redis.ts'
import { connectRedis } from '../../server/redis/connect.ts'
import type { Redis } from '../../server/redis/redis.ts'
import { createTelemetry, type Telemetry } from '../../server/telemetry.ts'
import { Queue } from '../support/queue.ts'
import { requireRedis, startRedis, startRedisCluster } from '../support/redis.ts'

interface TestNode {
  readonly pubsub: PubSub
  readonly telemetry: Telemetry
}

/** What a subscriber got: the topic, event and payload of a broadcast, and whom it is from. */
type Heard = readonly [topic: string, event: string, payload: unknown, from?: unknown]

const show = (heard: Heard): string => JSON.stringify(heard)

async function hear({ pubsub }: TestNode, topic: string): Promise<Queue<Heard>> {
  const heard = new Queue<Heard>(show)
  await pubsub.subscribe(topic, ({ topic, event, bytes, json }, from) => {
    heard.push([topic, event, bytes ? [...bytes] : JSON.parse(json), from])
  })
  return heard
}

function say({ pubsub }: TestNode, topic: string, payload: unknown): void {
  pubsub.publish(new Broadcast(topic, 'said', payload))
}

const kinds = [
  ['one Redis', () => startRedis()],
  ['a Redis Cluster of three masters', () => startRedisCluster()],
] as const

for (const [kind, start] of kinds) {
  describe(`PubSub by ${kind}`, () => {
    let server: { readonly url: string; stop(): Promise<void> }
    let redis: Redis[]
    let nodes: readonly [TestNode, TestNode, TestNode]
    let prefixes = 0

    before(async function () {
      this.timeout(300_000)
      await requireRedis()
      server = await start()
      redis = [0, 1, 2].map(() => connectRedis({ url: server.url, onError() {} }))
    })

    beforeEach(() => {
      prefixes += 1
      const [one, two, three] = redis.map((each) => startNode(each, `p${prefixes}`))
      nodes = [one, two, three] as [TestNode, TestNode, TestNode]
    })

    afterEach(() => Promise.all(nodes.map(({ pubsub }) => pubsub.close())))

    after(async () => {
      await Promise.all(redis.map((each) => each.close()))
      await server.stop()
    })

    function startNode(client: Redis, prefix: string, bootId?: string): TestNode {
      const telemetry = createTelemetry()
      const id = bootId === undefined ? {} : { bootId }
      return { pubsub: createRedisPubSub({ redis: client, prefix, telemetry, ...id }), telemetry }
    }

    it('brings a message to the subscribers of every node once (C6.1, C6.2)', async () => {
      const ears = await Promise.all(nodes.map((node) => hear(node, 'room')))
      for (const node of nodes) say(node, 'room', 'hi')
      await Promise.all(ears.map((heard) => heard.next(() => heard.all.length >= 3)))
      say(nodes[0], 'room', 'end')
      for (const heard of ears) {
        await heard.next(([, , payload]) => payload === 'end')
        expect(heard.all.map(([, , payload]) => payload)).to.deep.equal(['hi', 'hi', 'hi', 'end'])
      }
    })

    it("calls the publishing node's subscribers before publish returns", async () => {
      const heard = await hear(nodes[0], 'room')
      say(nodes[0], 'room', 'hi')
      expect(heard.all).to.have.length(1)
    })

    it('tells whom a message is from on its own node only (C6.3)', async () => {
      const own = await hear(nodes[0], 'room')
      const other = await hear(nodes[1], 'room')
      nodes[0].pubsub.publish(new Broadcast('room', 'said', 1), { from: 'me' })
      expect(await own.next()).to.deep.equal(['room', 'said', 1, 'me'])
      expect(await other.next()).to.deep.equal(['room', 'said', 1, undefined])
    })

    it('keeps a local message on its node', async () => {
      const own = await hear(nodes[0], 'room')
      const other = await hear(nodes[1], 'room')
      nodes[0].pubsub.publish(new Broadcast('room', 'said', 'local'), { local: true })
      say(nodes[0], 'room', 'all')
      await other.next()
      expect(other.all.map(([, , payload]) => payload)).to.deep.equal(['all'])
      expect(own.all.map(([, , payload]) => payload)).to.deep.equal(['local', 'all'])
    })

    it('keeps the order of each of two nodes through 1,000 messages (C6.4)', async () => {
      const heard = await hear(nodes[2], 'room')
      for (let at = 0; at < 1000; at++) {
        for (const sender of [0, 1] as const) say(nodes[sender], 'room', [sender, at])
        if (at % 50 === 0) await new Promise(setImmediate)
      }
      await heard.next(() => heard.all.length === 2000)
      const order = Array.from({ length: 1000 }, (_, at) => at)
      for (const sender of [0, 1]) {
        const payloads = heard.all.map(([, , payload]) => payload as [number, number])
        const ats = payloads.filter(([by]) => by === sender).map(([, at]) => at)
        expect(ats).to.deep.equal(order)
      }
    })

    it('brings every byte of a binary payload (C6.9)', async () => {
      const heard = await hear(nodes[1], 'room')
      const bytes = Array.from({ length: 70_000 }, (_, at) => at % 256)
      say(nodes[0], 'room', Uint8Array.from(bytes))
      expect((await heard.next())[2]).to.deep.equal(bytes)
    })

    it('takes every topic literally, and none for another (C6.15)', async () => {
      const topics = [
        ...[
          '',
          ' ',
          'a b',
          'a  b',
          '*',
          'a*',
          'a?',
          'a[b]',
          'ab',
          'a\\*',
          'ăîșț ☃ 🦜',
          '\0',
          'a\nb',
        ],
        ...[
          '{a}b',
          '{a}c',
          '{}',
          '__proto__',
          '\ud800',
          '\udc00',
          'a\ud800',
          '\ufffd',
          'x'.repeat(9999),
        ],
      ]
      const ears = await Promise.all(topics.map((topic) => hear(nodes[1], topic)))
      for (const topic of topics) say(nodes[0], topic, topic.length)
      for (const topic of topics) say(nodes[0], topic, 'end')
      for (const [at, topic] of topics.entries()) {
        await ears[at]?.next(([, , payload]) => payload === 'end')
        expect(ears[at]?.all).to.deep.equal([
          [topic, 'said', topic.length, undefined],
          [topic, 'said', 'end', undefined],
        ])
      }
    })

    it('ignores and counts what is foreign, future or malformed (C6.10, C6.11)', async () => {
      const dropped: unknown[] = []
      nodes[0].telemetry.dropped.subscribe((drop) => void dropped.push(drop))
      const heard = await hear(nodes[0], 'room')
      const envelope = encodeEnvelope({ sender: 'n', broadcast: new Broadcast('room', 'said', 1) })
      const future = Buffer.from(envelope)
      future[1] = 2
      const other = encodeEnvelope({ sender: 'n', broadcast: new Broadcast('other', 'said', 1) })
      const foreign = [Buffer.from(''), Buffer.from('{"a":1}'), future, envelope.subarray(1), other]
      for (const data of foreign) await redis[1]?.publish(`p${prefixes}:t:room`, data)
      say(nodes[1], 'room', 'ours')
      expect((await heard.next())[2]).to.equal('ours')
      expect(heard.all).to.have.length(1)
      expect(dropped).to.deep.equal(foreign.map(() => ({ reason: 'foreign_envelope', count: 1 })))
    })

    it('brings nothing to who has left, and all to who has stayed', async () => {
      const { pubsub } = nodes[1]
      const left: unknown[] = []
      const subscriber = (broadcast: Broadcast): void => void left.push(broadcast.json)
      await pubsub.subscribe('room', subscriber)
      const stayed = await hear(nodes[1], 'room')
      pubsub.unsubscribe('room', subscriber)
      say(nodes[0], 'room', 1)
      await stayed.next()
      expect(left).to.deep.equal([])
    })

    it('brings messages to who left and came back', async () => {
      const { pubsub } = nodes[1]
      const subscriber = (): void => {}
      await pubsub.subscribe('room', subscriber)
      pubsub.unsubscribe('room', subscriber)
      const heard = await hear(nodes[1], 'room')
      say(nodes[0], 'room', 1)
      expect((await heard.next())[2]).to.equal(1)
    })

    it('throws what cannot be encoded, and brings it to nobody', async () => {
      const own = await hear(nodes[0], 'room')
      const other = await hear(nodes[1], 'room')
      expect(() => say(nodes[0], 'room', { n: 1n })).to.throw(EncodeError)
      say(nodes[0], 'room', 'next')
      await other.next()
      expect([own.all.length, other.all.length]).to.deep.equal([1, 1])
    })

    it('throws what a subscriber of its node throws, and then no other node gets it', async () => {
      const other = await hear(nodes[1], 'room')
      await nodes[0].pubsub.subscribe('room', ({ json }) => {
        if (json === '"bad"') throw new Error('broken')
      })
      expect(() => say(nodes[0], 'room', 'bad')).to.throw('broken')
      say(nodes[0], 'room', 'good')
      expect((await other.next())[2]).to.equal('good')
      expect(other.all).to.have.length(1)
    })

    it('reports what a subscriber throws on another node, and goes on', async () => {
      const crashes: unknown[] = []
      nodes[1].telemetry.crashed.subscribe(({ topic, error }) => {
        crashes.push([topic, String(error)])
      })
      const heard = await hear(nodes[1], 'room')
      await nodes[1].pubsub.subscribe('room', ({ json }) => {
        if (json === '"bad"') throw new Error('broken')
      })
      say(nodes[0], 'room', 'bad')
      say(nodes[0], 'room', 'good')
      await heard.next(([, , payload]) => payload === 'good')
      expect(crashes).to.deep.equal([['room', 'Error: broken']])
    })

    it('neither hears nor reaches anybody once it is closed', async () => {
      const closed = await hear(nodes[0], 'room')
      const other = await hear(nodes[1], 'room')
      await nodes[0].pubsub.close()
      say(nodes[0], 'room', 'closed')
      say(nodes[2], 'room', 'open')
      expect((await other.next())[2]).to.equal('open')
      expect(closed.all).to.deep.equal([])
      expect(other.all).to.have.length(1)
    })

    it('keeps nodes of another prefix apart', async () => {
      const [client] = redis as [Redis]
      const stranger = startNode(client, `p${prefixes}:t`)
      const heard = await hear(stranger, 'room')
      say(nodes[1], 'room', 1)
      say(nodes[1], 't:room', 1)
      await stranger.pubsub.publish(new Broadcast('room', 'said', 'own'))
      expect(heard.all.map(([, , payload]) => payload)).to.deep.equal(['own'])
      await stranger.pubsub.close()
    })

    it('takes a node with its own name for itself (C6.8)', async () => {
      const [first, second] = redis as [Redis, Redis]
      const twins = [first, second].map((client) => startNode(client, `p${prefixes}`, 'twin'))
      const [one, two] = twins as [TestNode, TestNode]
      const heard = await hear(two, 'room')
      say(one, 'room', 'twin')
      say(nodes[2], 'room', 'other')
      expect((await heard.next())[2]).to.equal('other')
      expect(heard.all).to.have.length(1)
      await Promise.all(twins.map(({ pubsub }) => pubsub.close()))
    })
  })
}
