import { expect } from 'chai'
import { it } from 'mocha'
import { Broadcast } from '../../server/protocol/broadcast.ts'
import type { PubSub, Subscriber } from '../../server/pubsub/pubsub.ts'
import { listener, listening, ODD_TOPICS, payloads, publish, sent, TOPIC } from './pubsub-setup.ts'

/** What one node does, whether there are others or not. */
export function onOneNode(nodeOf: () => PubSub): void {
  it('a message reaches every subscriber of its topic before publish returns', async () => {
    const node = nodeOf()
    const [one, two] = [await listening(node), await listening(node)]
    const other = await listening(node, 'room:b')
    publish(node, { n: 1 }, TOPIC, 'news')
    for (const { arrivals } of [one, two]) {
      expect(arrivals.all).to.deep.equal([{ event: 'news', payload: { n: 1 }, from: undefined }])
    }
    expect(other.arrivals.all).to.deep.equal([])
  })

  it('messages come in the order they were published', async () => {
    const node = nodeOf()
    const { arrivals } = await listening(node)
    for (let n = 0; n < 1_000; n += 1) publish(node, n)
    expect(payloads(arrivals.all)).to.deep.equal(Array.from({ length: 1_000 }, (_, n) => n))
  })

  it('subscribing twice is the same as once', async () => {
    const node = nodeOf()
    const { arrivals, hear } = await listening(node)
    await node.subscribe(TOPIC, hear)
    publish(node, 1)
    expect(payloads(arrivals.all)).to.deep.equal([1])
    node.unsubscribe(TOPIC, hear)
    publish(node, 2)
    expect(payloads(arrivals.all)).to.deep.equal([1])
  })

  it('who unsubscribes hears no more; others, and other topics, go on', async () => {
    const node = nodeOf()
    const [one, two] = [await listening(node), await listening(node)]
    await node.subscribe('room:b', one.hear)
    node.unsubscribe(TOPIC, one.hear)
    publish(node, 1)
    publish(node, 2, 'room:b')
    expect(payloads(one.arrivals.all)).to.deep.equal([2])
    expect(payloads(two.arrivals.all)).to.deep.equal([1])
  })

  it('a topic is heard while somebody subscribes to it', async () => {
    const node = nodeOf()
    expect(await node.isHeard('room:heard')).to.equal(false)
    const { hear } = await listening(node, 'room:heard')
    expect(await node.isHeard('room:heard')).to.equal(true)
    expect(await node.isHeard('room:other')).to.equal(false)
    node.unsubscribe('room:other', hear)
    expect(await node.isHeard('room:heard')).to.equal(true)
  })

  it('unsubscribing from what was never subscribed to is nothing', async () => {
    const node = nodeOf()
    const { arrivals } = await listening(node)
    node.unsubscribe(TOPIC, listener().hear)
    node.unsubscribe('room:never', listener().hear)
    publish(node, 1)
    expect(payloads(arrivals.all)).to.deep.equal([1])
  })

  it('who comes back hears again', async () => {
    const node = nodeOf()
    const { arrivals, hear } = await listening(node)
    for (const n of [1, 2, 3]) {
      node.unsubscribe(TOPIC, hear)
      publish(node, -n)
      await node.subscribe(TOPIC, hear)
      publish(node, n)
    }
    expect(payloads(arrivals.all)).to.deep.equal([1, 2, 3])
  })

  it('a subscriber may bring another while it is called: that one hears the next message', async () => {
    const node = nodeOf()
    const late = listener()
    await node.subscribe(TOPIC, () => void node.subscribe(TOPIC, late.hear))
    for (const n of [1, 2]) publish(node, n)
    expect(payloads(late.arrivals.all)).to.deep.equal([2])
  })

  it('a subscriber may leave while it is called: the others hear the message', async () => {
    const node = nodeOf()
    const [before, after] = [listener(), listener()]
    const leaving: Subscriber = (broadcast, from) => {
      node.unsubscribe(TOPIC, leaving)
      before.hear(broadcast, from)
    }
    await node.subscribe(TOPIC, leaving)
    await node.subscribe(TOPIC, after.hear)
    for (const n of [1, 2]) publish(node, n)
    expect(payloads(before.arrivals.all)).to.deep.equal([1])
    expect(payloads(after.arrivals.all)).to.deep.equal([1, 2])
  })

  it('a subscriber may publish, to its own topic too', async () => {
    const node = nodeOf()
    const { arrivals } = await listening(node)
    await node.subscribe(TOPIC, ({ event }) => {
      if (event === 'question') publish(node, 2, TOPIC, 'answer')
    })
    publish(node, 1, TOPIC, 'question')
    expect(arrivals.all.map(({ event }) => event)).to.have.members(['question', 'answer'])
  })

  it('subscribers are told what the publisher said it is', async () => {
    const node = nodeOf()
    const { arrivals } = await listening(node)
    const from = Symbol('me')
    node.publish(new Broadcast(TOPIC, 'event', {}), { from })
    expect(arrivals.all[0]?.from).to.equal(from)
  })

  it('a local message reaches this node as any other', async () => {
    const node = nodeOf()
    const { arrivals } = await listening(node)
    node.publish(new Broadcast(TOPIC, 'event', 1), { local: true })
    expect(payloads(arrivals.all)).to.deep.equal([1])
  })

  it('whoever publishes may hear that it is sent', async () => {
    for (const local of [false, true]) expect(await sent(nodeOf(), local)).to.equal(true)
  })

  it('a topic is any text (C6.15)', async () => {
    const node = nodeOf()
    const listeners = await Promise.all(ODD_TOPICS.map((topic) => listening(node, topic)))
    for (const [n, topic] of ODD_TOPICS.entries()) publish(node, n, topic)
    const heard = listeners.map(({ arrivals }) => payloads(arrivals.all))
    expect(heard).to.deep.equal(ODD_TOPICS.map((_topic, n) => [n]))
  })

  it('a message that nobody subscribed to is nothing', () => {
    expect(() => publish(nodeOf(), 1, 'room:nobody')).to.not.throw()
  })

  it('publish throws what a subscriber threw', async () => {
    const node = nodeOf()
    await node.subscribe(TOPIC, () => {
      throw new Error('cannot be encoded')
    })
    expect(() => publish(node, 1)).to.throw('cannot be encoded')
  })

  it('after close nothing is delivered, and publish reaches nobody', async () => {
    const node = nodeOf()
    const { arrivals } = await listening(node)
    await node.close()
    expect(() => publish(node, 1)).to.not.throw()
    expect(arrivals.all).to.deep.equal([])
    await node.close()
  })
}
