import { Type as T } from '@sinclair/typebox'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { defineChannel, defineSocket, ok } from '../../../server/index.ts'
import { createLocalPubSub } from '../../../server/pubsub/local.ts'
import type { PubSub } from '../../../server/pubsub/pubsub.ts'
import {
  assertClosed,
  assertPush,
  close,
  connect,
  join,
  leave,
  refutePush,
  TestEndpoint,
} from '../../../server/testing/index.ts'

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
    isHeard: (topic) => local.isHeard(topic),
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
  it('is told to the channels that want to know, for each topic, as long as they last', async () => {
    const { pubsub, gap, watched } = gappyPubSub()
    const channels = [watching, indifferent]
    const endpoint = new TestEndpoint({ pubsub })
    const socket = await connect(defineSocket({ channels }), {}, { endpoint })
    const room = await join(socket, watching, 'room:1')
    const deaf = await join(socket, indifferent, 'deaf:1')
    for (const topic of ['room:1', 'elsewhere']) {
      gap(topic)
      await assertPush(room, 'missed', { topic })
    }
    gap('deaf:1')
    for (const channel of [room, deaf]) await refutePush(channel)
    expect(watched()).to.equal(3)
    leave(room)
    await assertClosed(room)
    expect(watched()).to.equal(1)
    await close(socket)
  })
})
