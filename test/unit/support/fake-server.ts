import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'

export interface FakeServer {
  readonly url: string
  close(): Promise<void>
}

/**
 * A server that says what a test tells it to: `talk` gets every WebSocket as it opens, `answer` every
 * plain request. A handshake with `reject` in its query is refused with 403 and the body `no`.
 */
export async function startFake(
  talk: (socket: WebSocket, request: IncomingMessage) => void,
  answer: RequestListener = (_request, response) => response.writeHead(404).end(),
): Promise<FakeServer> {
  const server = createServer(answer)
  const sockets = new WebSocketServer({ noServer: true })
  server.on('upgrade', (request, stream, head) => {
    if (request.url?.includes('reject')) {
      stream.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno')
      return
    }
    sockets.handleUpgrade(request, stream, head, (socket) => {
      // What breaks the framing ends the socket, and is nothing to this server.
      socket.on('error', () => {})
      talk(socket, request)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      for (const socket of sockets.clients) socket.terminate()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
