/**
 * A node as users run it, with the agent channel, and beside that a room that echoes, shouts and counts. It
 * prints its URL; whatever nobody catches ends it.
 */
import { Type as T } from '@sinclair/typebox'
import { createApp } from '../../channels/index.ts'
import { readConfig } from '../../server/config.ts'
import { Binary, defineChannel, defineSocket, ok } from '../../server/index.ts'
import { createLogger } from '../../server/logger.ts'
import { type CreateApp, startNode } from '../../server/node.ts'

const Any = T.Any()
const room = defineChannel('room:*', {
  params: Any,
  in: {
    echo: { payload: Any, reply: Any },
    count: { payload: Any, reply: Any },
    shout: { payload: Any },
    shout_bytes: { payload: Any },
  },
  out: { shouted: Any, shouted_bytes: Binary },
  join: () => ok({}, { count: 0 }),
  handleIn: {
    echo: (_socket, payload) => ok(payload),
    count(socket) {
      const count = socket.assigns.count + 1
      socket.assign({ count })
      return ok({ count })
    },
    shout: (socket, payload) => socket.broadcast('shouted', payload),
    shout_bytes: (socket, payload) => socket.broadcast('shouted_bytes', payload),
  },
})

const createFuzzedApp: CreateApp = async (options) => {
  const app = await createApp(options)
  const rooms = defineSocket({ channels: [room] })
  const channelFor = (topic: string) => rooms.channelFor(topic) ?? app.socket.channelFor(topic)
  return { ...app, socket: { ...app.socket, channelFor } }
}

const config = readConfig(process.env)
const logger = createLogger({ level: config.logLevel, nodeName: config.nodeName })
const { url } = await startNode(config, createFuzzedApp, logger)
console.log(`listening on ${url}`)
