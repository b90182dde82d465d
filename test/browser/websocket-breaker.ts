import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'

type TakeUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

const handshakes = new WebSocketServer({ noServer: true })

/** The ways in which proxies break WebSockets, and what each does with a handshake. */
export const BREAKAGES = {
  /** Answers what a proxy without WebSockets answers. */
  'refuses it': (_request, socket) => {
    socket.end('HTTP/1.1 502 Bad Gateway\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
  },
  /** Drops the connection. */
  'hangs up': (_request, socket) => socket.destroy(),
  'never answers it': () => {},
  'opens it, and lets nothing through': (request, socket, head) => {
    handshakes.handleUpgrade(request, socket, head, () => {})
  },
} satisfies Readonly<Record<string, TakeUpgrade>>

export interface WebSocketBreaker {
  /** `http://127.0.0.1:…` */
  readonly url: string
  /** The handshakes that came so far. */
  handshakes(): number
  stop(): Promise<void>
}

/** A proxy before `target` (`http://…`) that passes HTTP on and breaks WebSockets. */
export async function startBreaker(
  target: string,
  breakage: keyof typeof BREAKAGES,
): Promise<WebSocketBreaker> {
  const upgraded = new Set<Duplex>()
  const proxy = createServer((request, response) => passOn(target, request, response))
  let count = 0
  proxy.on('upgrade', (request, socket, head) => {
    count += 1
    upgraded.add(socket)
    socket.on('error', () => {}).on('close', () => upgraded.delete(socket))
    BREAKAGES[breakage](request, socket, head)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const { port } = proxy.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    handshakes: () => count,
    async stop() {
      proxy.close()
      proxy.closeAllConnections()
      for (const socket of upgraded) socket.destroy()
      await once(proxy, 'close')
    },
  }
}

/** The end of either side is the end of both. */
function passOn(target: string, request: IncomingMessage, response: ServerResponse): void {
  const { method, headers, url = '/' } = request
  const sent = send(new URL(url, target), { method, headers, agent: false })
  sent.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.on('error', () => response.destroy()).pipe(response)
  })
  sent.on('error', () => response.destroy())
  response.on('close', () => sent.destroy())
  request.pipe(sent)
}
