import { expect } from 'chai'
import { it } from 'mocha'
import { Broadcast } from '../../server/protocol/broadcast.ts'
import type { PubSub, Subscriber } from '../../server/pubsub/pubsub.ts'
import { eventually } from '../integration/redis/node.ts'
import { listening, ODD_TOPICS, payloads, publish } from './pubsub-setup.ts'

/** Every case for every ordered pair of nodes. */
export function betweenNodes(nodesOf: () => readonly PubSub[]): void {
  /** Each with a topic of its own: what one pair said may still be on its way when the next begins. */
  const pairs = () =>
    nodesOf().flatMap((near, at) =>
      nodesOf()
        .filter((far) => far !== near)
        .map((far, to) => ({ near, far, topic: `room:${at}:${to}` })),
    )

  it('a message reaches each node once, its own too', async () => {
    const nodes = nodesOf()
    const listeners = await Promise.all(nodes.map((node) => listening(node)))
    for (const [n, node] of nodes.entries()) publish(node, n)
    for (const { arrivals } of listeners) {
      for (const n of nodes.keys()) await arrivals.next(({ payload }) => payload === n)
    }
    // What a double would come before: one more message from each.
    for (const node of nodes) publish(node, 'last')
    for (const { arrivals } of listeners) {
      for (const _node of nodes) await arrivals.next()
      expect(payloads(arrivals.all).sort()).to.deep.equal(
        [...nodes.keys(), ...nodes.map(() => 'last')].sort(),
      )
    }
  })

  it('a topic is heard wherever somebody subscribes to it, until that ends', async () => {
    const follow = async (topic: string, near: PubSub, far: PubSub): Promise<void> => {
      expect(await near.isHeard(topic)).to.equal(false)
      const { hear } = await listening(far, topic)
      expect(await near.isHeard(topic)).to.equal(true)
      far.unsubscribe(topic, hear)
      // A node may keep the subscription for a moment, for the next who wants it.
      await eventually(
        () => near.isHeard(topic),
        (isHeard) => !isHeard,
      )
    }
    await Promise.all(pairs().map(({ near, far }, at) => follow(`{${at}} heard:é *`, near, far)))
  })

  it('messages of one node come to another in their order (C3.75)', async () => {
    for (const { near, far, topic } of pairs()) {
      const { arrivals, hear } = await listening(far, topic)
      for (let n = 0; n < 1_000; n += 1) publish(near, n, topic)
      for (let n = 0; n < 1_000; n += 1) expect((await arrivals.next()).payload).to.equal(n)
      far.unsubscribe(topic, hear)
    }
  })

  it('any payload arrives as it was sent, bytes too', async () => {
    const sent = [
      { a: [1, null, { b: 'é𝄞' }] },
      [],
      'text',
      0,
      null,
      Uint8Array.of(0, 1, 254, 255),
      new Uint8Array(0),
    ]
    for (const { near, far, topic } of pairs()) {
      const { arrivals, hear } = await listening(far, topic)
      for (const payload of sent) publish(near, payload, topic, 'event "é"\n')
      for (const payload of sent) {
        const arrived = await arrivals.next()
        expect(arrived.event).to.equal('event "é"\n')
        if (!(payload instanceof Uint8Array)) expect(arrived.payload).to.deep.equal(payload)
        else {
          expect(arrived.payload).to.be.instanceOf(Uint8Array)
          expect([...(arrived.payload as Uint8Array)]).to.deep.equal([...payload])
        }
      }
      far.unsubscribe(topic, hear)
    }
  })

  it('what the publisher said it is stays on its node', async () => {
    for (const { near, far, topic } of pairs()) {
      const { arrivals, hear } = await listening(far, topic)
      near.publish(new Broadcast(topic, 'event', {}), { from: { me: true } })
      expect(await arrivals.next()).to.have.property('from', undefined)
      far.unsubscribe(topic, hear)
    }
  })

  it('a local message does not leave its node (C3.73)', async () => {
    for (const { near, far, topic } of pairs()) {
      const { arrivals, hear } = await listening(far, topic)
      near.publish(new Broadcast(topic, 'event', 'local'), { local: true })
      publish(near, 'after', topic)
      expect((await arrivals.next()).payload).to.equal('after')
      far.unsubscribe(topic, hear)
    }
  })

  it('a message that a subscriber of its own node refuses goes to no other', async () => {
    for (const { near, far, topic } of pairs()) {
      const { arrivals, hear } = await listening(far, topic)
      const refusing: Subscriber = ({ event }) => {
        if (event === 'refused') throw new Error('no')
      }
      await near.subscribe(topic, refusing)
      expect(() => publish(near, 1, topic, 'refused')).to.throw('no')
      publish(near, 2, topic)
      expect((await arrivals.next()).payload).to.equal(2)
      near.unsubscribe(topic, refusing)
      far.unsubscribe(topic, hear)
    }
  })

  it('a topic is any text there too (C6.15)', async () => {
    const [{ near, far } = expect.fail('no pair of nodes')] = pairs()
    const listeners = await Promise.all(ODD_TOPICS.map((topic) => listening(far, topic)))
    for (const payload of ['first', 'last']) {
      for (const topic of ODD_TOPICS) publish(near, [topic, payload], topic)
    }
    for (const [n, { arrivals }] of listeners.entries()) {
      const topic = ODD_TOPICS[n]
      for (const payload of ['first', 'last']) {
        expect((await arrivals.next()).payload).to.deep.equal([topic, payload])
      }
    }
  })

  it('who unsubscribed hears no more from there either', async () => {
    for (const { near, far, topic } of pairs()) {
      const [leaving, staying] = [await listening(far, topic), await listening(far, topic)]
      far.unsubscribe(topic, leaving.hear)
      publish(near, 1, topic)
      await staying.arrivals.next()
      expect(leaving.arrivals.all).to.deep.equal([])
      far.unsubscribe(topic, staying.hear)
    }
  })

  it('the end of one node is nothing to the others', async () => {
    const [first, ...others] = nodesOf()
    const listeners = await Promise.all(others.map((node) => listening(node)))
    await first?.close()
    for (const [n, node] of others.entries()) publish(node, n)
    for (const { arrivals } of listeners) {
      for (const n of others.keys()) await arrivals.next(({ payload }) => payload === n)
    }
  })
}
