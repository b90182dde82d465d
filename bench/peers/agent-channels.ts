/**
 * This server as it is run: a whole node, with its log and its metrics. The agent channel stands beside a
 * channel that does what the peers do.
 */
import { Type as T } from '@sinclair/typebox'
import { createApp } from '../../channels/index.ts'
import { readConfig } from '../../server/config.ts'
import { defineChannel, ok } from '../../server/index.ts'
import { createLogger } from '../../server/logger.ts'
import { startNode } from '../../server/node.ts'
import { serveBench } from './serve.ts'

const Any = T.Unknown()
const Text = T.Object({ text: T.String({ maxLength: 1_000_000 }) })

const bench = defineChannel('bench:*', {
  in: {
    echo: { payload: Any, reply: Any },
    echo_checked: { payload: Text, reply: Text },
    shout: { payload: Any },
  },
  out: { shout: Any },
  join: () => ok({}, {}),
  handleIn: {
    echo: (_socket, payload) => ok(payload),
    echo_checked: (_socket, payload) => ok(payload),
    shout: (socket, payload) => socket.broadcast('shout', payload),
  },
})

const config = readConfig(process.env)
const logger = createLogger({ level: config.logLevel, nodeName: config.nodeName })
const node = await startNode(
  config,
  async (options) => {
    const app = await createApp(options)
    const channelFor = (topic: string) => {
      const subtopic = bench.match(topic)
      return subtopic === undefined ? app.socket.channelFor(topic) : { channel: bench, subtopic }
    }
    return { ...app, socket: { ...app.socket, channelFor } }
  },
  logger,
)
serveBench(Number(new URL(node.url).port))
