/** Raw uWebSockets.js: what an echo, a fan-out and a relay cost with no protocol at all. */
import { Redis } from 'ioredis'
import { uws } from '../../server/transport/uws.ts'
import { serveBench } from './serve.ts'

const CHANNEL = 'bench'
const ZERO = '0'.charCodeAt(0)
const url = process.env['REDIS_URL']
const redis = url === undefined ? undefined : new Redis(url)

const app = uws.App()
const options = {
  maxPayloadLength: 1024 * 1024,
  maxBackpressure: 4 * 1024 * 1024,
  idleTimeout: 0,
  sendPingsAutomatically: false,
}

app.ws('/echo', {
  ...options,
  message(ws, message, isBinary) {
    ws.send(message, isBinary)
  },
})

type Publish = (message: ArrayBuffer, isBinary: boolean) => void

/** `?0,1`: each connection is in the topics 0 and 1. */
function fanOut(path: string, publish: Publish): void {
  app.ws<{ readonly topics: readonly string[] }>(path, {
    ...options,
    upgrade(res, req, context) {
      res.upgrade(
        { topics: req.getQuery().split(',') },
        req.getHeader('sec-websocket-key'),
        req.getHeader('sec-websocket-protocol'),
        req.getHeader('sec-websocket-extensions'),
        context,
      )
    },
    open(ws) {
      for (const topic of ws.getUserData().topics) ws.subscribe(topic)
    },
    message: (_ws, message, isBinary) => publish(message, isBinary),
  })
}

/** A message begins with the two digits of its topic. */
fanOut('/topics', (message, isBinary) => {
  const [tens = ZERO, ones = ZERO] = new Uint8Array(message, 0, 2)
  app.publish(String((tens - ZERO) * 10 + ones - ZERO), message, isBinary)
})
/** As for clients of two versions of a protocol: every message goes to both topics. */
fanOut('/both', (message, isBinary) => {
  app.publish('0', message, isBinary)
  app.publish('1', message, isBinary)
})
fanOut('/relay', (message, isBinary) => {
  app.publish('0', message, isBinary)
  void redis?.publish(CHANNEL, Buffer.from(message.slice(0)))
})

if (redis) {
  const subscriber = redis.duplicate()
  await subscriber.subscribe(CHANNEL)
  subscriber.on('messageBuffer', (_channel: Buffer, message: Buffer) => {
    app.publish('0', message, false)
  })
}

app.listen('127.0.0.1', 0, (token) => {
  if (token) serveBench(uws.us_socket_local_port(token))
})
