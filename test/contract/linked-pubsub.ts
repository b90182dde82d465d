import { Broadcast } from '../../server/protocol/broadcast.ts'
import { createLocalPubSub } from '../../server/pubsub/local.ts'
import type { PubSub } from '../../server/pubsub/pubsub.ts'

/** So many nodes' PubSubs in one process, each hearing of the others a turn later, as over a network. */
export function linkedPubSubs(count: number): readonly PubSub[] {
  const locals = Array.from({ length: count }, createLocalPubSub)
  return locals.map((own) => {
    let closed = false
    return {
      ...own,
      publish(broadcast, options) {
        if (closed) return
        own.publish(broadcast, options)
        if (options?.local) return
        const arrived = copyOf(broadcast)
        setImmediate(() => {
          for (const other of locals) if (other !== own) other.publish(arrived)
        })
      },
      async isHeard(topic) {
        const heard = await Promise.all(locals.map((each) => each.isHeard(topic)))
        return heard.includes(true)
      },
      async close() {
        closed = true
        await own.close()
      },
    }
  })
}

/** What another process would make of it. */
function copyOf(broadcast: Broadcast): Broadcast {
  const { topic, event, bytes } = broadcast
  return bytes
    ? new Broadcast(topic, event, Uint8Array.from(bytes))
    : Broadcast.encoded(topic, event, broadcast.json)
}
