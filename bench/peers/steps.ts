/** An echo on raw uWebSockets.js that does a little more with each path: what a protocol cannot do without. */
import { uws } from '../../server/transport/uws.ts'
import { serveBench } from './serve.ts'

const app = uws.App()
const options = {
  maxPayloadLength: 1024 * 1024,
  maxBackpressure: 4 * 1024 * 1024,
  idleTimeout: 0,
  sendPingsAutomatically: false,
}
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

type Frame = readonly [joinRef: string, ref: string, topic: string, event: string, payload: unknown]

function echo(path: string, answer: (message: ArrayBuffer) => string | ArrayBuffer): void {
  app.ws(path, {
    ...options,
    message(ws, message) {
      ws.send(answer(message), false)
    },
  })
}

/** The payload of `["1","2","topic","event",{…}]`. */
const payloadIn = (text: string): unknown => JSON.parse(text.slice(text.indexOf(',{') + 1, -1))

echo('/raw', (message) => message)
echo('/text', (message) => decoder.decode(message))
echo('/parse', (message) => {
  const text = decoder.decode(message)
  payloadIn(text)
  return text
})
echo('/assemble', (message) => {
  const payload = JSON.stringify(payloadIn(decoder.decode(message)))
  return `["1","2","bench:0","phx_reply",{"status":"ok","response":${payload}}]`
})
echo('/whole', (message) => {
  const [joinRef, ref, topic, , payload] = JSON.parse(decoder.decode(message)) as Frame
  const reply = { status: 'ok', response: payload }
  return JSON.stringify([joinRef, ref, topic, 'phx_reply', reply])
})

app.listen('127.0.0.1', 0, (token) => {
  if (token) serveBench(uws.us_socket_local_port(token))
})
