import { Type as T } from '@sinclair/typebox'
import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { createEndpoint, type Endpoint } from '../../../server/endpoint.ts'
import { defineChannel, defineSocket, ok } from '../../../server/index.ts'
import { createLocalPubSub } from '../../../server/pubsub/local.ts'
import type { PubSub } from '../../../server/pubsub/pubsub.ts'
import { connectWire, replyTo, terminateWires } from '../../support/wire-client.ts'

/** PubSub of one node that says, when it is told to, that messages of others may have been missed. */
function gappyPubSub(): { readonly pubsub: PubSub; gap(topic: string): void; watched(): number } {
  const local = createLocalPubSub()
  const onGaps = new Map<string, () => void>()
  const pubsub: PubSub = {
    subscribe(topic, subscriber, onGap) {
      if (onGap) onGaps.set(topic, onGap)
      return local.subscribe(topic, subscriber)
    },
    unsubscribe(topic, subscriber) {
      onGaps.delete(topic)
      local.unsubscribe(topic, subscriber)
    },
    publish: (...args) => local.publish(...args),
    close: () => local.close(),
  }
  return { pubsub, gap: (topic) => onGaps.get(topic)?.(), watched: () => onGaps.size }
}

const watching = defineChannel('room:*', {
  out: { missed: T.Object({ topic: T.String() }) },
  async join(socket) {
    socket.sendInfo('subscribe')
    return ok()
  },
  handleInfo: (socket) => void socket.subscribe('elsewhere', { as: socket.topic }),
  handleGap: (socket, topic) => socket.push('missed', { topic }),
})

const indifferent = defineChannel('deaf:*', { join: () => ok() })

describe('a possible gap in the messages of other nodes', () => {
  let endpoint: Endpoint

  afterEach(async () => {
    terminateWires()
    await endpoint.drain({ deadlineMs: 0, batchSize: 1_000, batchIntervalMs: 0 })
  })

  it('is told to the channels that want to know, for each topic, as long as they last', async () => {
    const { pubsub, gap, watched } = gappyPubSub()
    const socket = defineSocket({ channels: [watching, indifferent] })
    endpoint = createEndpoint({ mounts: [{ path: '/socket', socket }], pubsub })
    const port = await endpoint.listen('127.0.0.1', 0)
    const wire = await connectWire(`http://127.0.0.1:${port}`)
    for (const [at, topic] of ['room:1', 'deaf:1'].entries()) {
      wire.push({ topic, event: 'phx_join', ref: `${at}`, joinRef: `${at}` })
      await wire.next(replyTo(`${at}`))
    }
    for (const topic of ['room:1', 'elsewhere']) {
      gap(topic)
      const missed = await wire.next(({ event }) => event === 'missed')
      expect(missed.payload).to.deep.equal({ topic })
    }
    gap('deaf:1')
    expect(await wire.fence()).to.deep.equal([])
    wire.push({ topic: 'room:1', event: 'phx_leave', ref: '9', joinRef: '0' })
    await wire.next(({ event }) => event === 'phx_close')
    expect(watched()).to.equal(1)
  })
})
