/**
 * A client in a thread of its own, so that it can read while the server's thread does nothing else. It joins
 * `room:a`, stops reading, and waits for `flag` to become 1. Then it reads all there is, has another client
 * push `more` to `room:b` twice, sets `flag` to 2, and tells in the end what it read and how it ended.
 *
 * JavaScript: the loader that takes TypeScript in the main thread does not reach workers on Node 20.
 */
import { once } from 'node:events'
import { parentPort, workerData } from 'node:worker_threads'
import { WebSocket } from 'ws'

/** After so long without a message nothing more comes: the server's thread waits. */
const QUIET_MS = 50

/** @type {{ readonly url: string, readonly flag: Int32Array }} */
const { url, flag } = workerData
const target = new URL('/socket/websocket?vsn=2.0.0', url.replace(/^http/, 'ws'))

async function joined(topic) {
  const socket = new WebSocket(target)
  await once(socket, 'open')
  socket.send(JSON.stringify(['1', '1', topic, 'phx_join', {}]))
  await once(socket, 'message')
  return socket
}

const [reader, other] = await Promise.all([joined('room:a'), joined('room:b')])
const numbers = []
let quiet
reader.on('message', (data) => {
  const [, , , , { n }] = JSON.parse(data.toString())
  numbers.push(n)
  quiet?.refresh()
})
reader.once('close', (code) => {
  other.terminate()
  parentPort.postMessage({ code, numbers })
})
reader.pause()
parentPort.postMessage('paused')

Atomics.wait(flag, 0, 0)
reader.resume()
quiet = setTimeout(() => {
  for (const _more of [1, 2]) other.send(JSON.stringify(['1', null, 'room:b', 'more', {}]))
  Atomics.store(flag, 0, 2)
  Atomics.notify(flag, 0)
}, QUIET_MS)
