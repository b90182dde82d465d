import { once } from 'node:events'
import { WebSocket } from 'ws'
import { within } from '../../support/deadline.ts'

const OPEN_MS = 5_000
const open = new Set<WebSocket>()

/** A WebSocket at the server, for what the wire client does not do: pings, pauses, fragments. */
export async function openRaw(url: string, vsn = '2.0.0', perMessageDeflate = false) {
  const target = new URL(`/socket/websocket?vsn=${vsn}`, url.replace(/^http/, 'ws'))
  const socket = new WebSocket(target, { perMessageDeflate })
  open.add(socket)
  socket.once('close', () => open.delete(socket))
  await within(once(socket, 'open'), OPEN_MS, 'a WebSocket')
  return socket
}

/** The code that a WebSocket is closed with, by either side. */
export async function closeCode(socket: WebSocket): Promise<number> {
  const [code] = await within(once(socket, 'close'), OPEN_MS, 'the end of a WebSocket')
  return code as number
}

/** For `afterEach`. */
export function terminateRaws(): void {
  for (const socket of open) socket.terminate()
}
