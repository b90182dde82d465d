/**
 * A node of its own that serves a room where what one says all hear, and shares it through the Redis at
 * REDIS_URL. It prints its URL.
 */
import { Type as T } from '@sinclair/typebox'
import { createEndpoint } from '../../server/endpoint.ts'
import { defineChannel, defineSocket, ok } from '../../server/index.ts'
import { share } from '../../server/sharing.ts'
import { createTelemetry } from '../../server/telemetry.ts'

const Any = T.Any()
const room = defineChannel('room:*', {
  params: Any,
  in: { say: { payload: Any } },
  out: { said: Any },
  join: () => ok({}),
  handleIn: { say: (socket, payload) => socket.broadcast('said', payload) },
})

const config = { redisUrl: process.env['REDIS_URL'], redisPrefix: 'plain' }
const { pubsub } = share(config, createTelemetry(), (error) => console.error(error.message))
const socket = defineSocket({ channels: [room] })
const endpoint = createEndpoint({ pubsub, mounts: [{ path: '/socket', socket }] })
const port = await endpoint.listen('127.0.0.1', 0)
console.log(`listening on http://127.0.0.1:${port}`)
