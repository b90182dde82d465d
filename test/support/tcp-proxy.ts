import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'

/** A wire that can be spoilt: connections to its port go on to another port of this machine. */
export interface TcpProxy {
  readonly port: number
  /**
   * On the connections that are there, or the one that its target knows by this port, nothing passes any more,
   * and none is closed: they are half open.
   */
  freeze(port?: number): void
  /** On the connections that are there requests pass, and answers are lost. */
  loseAnswers(): void
  /** Ends the connections that are there, and new ones at once. */
  cut(): void
  /** New connections pass again. */
  restore(): void
  stop(): Promise<void>
}

interface Wire {
  readonly ends: readonly [client: Socket, server: Socket]
  requestsPass: boolean
  answersPass: boolean
}

export async function startTcpProxy(target: number): Promise<TcpProxy> {
  const wires = new Set<Wire>()
  let isCut = false

  const proxy = createServer((client) => {
    if (isCut) {
      client.destroy()
      return
    }
    const server = createConnection(target, '127.0.0.1')
    const wire: Wire = { ends: [client, server], requestsPass: true, answersPass: true }
    wires.add(wire)
    client.on('data', (data) => wire.requestsPass && server.write(data))
    server.on('data', (data) => wire.answersPass && client.write(data))
    for (const end of wire.ends) {
      end.on('error', () => {}).on('close', () => wires.delete(wire) && close(wire))
    }
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const address = proxy.address()
  if (address === null || typeof address === 'string') throw new Error('a proxy without a port')

  const cut = (): void => {
    isCut = true
    for (const wire of wires) close(wire)
  }
  return {
    port: address.port,
    freeze(port) {
      for (const wire of wires) {
        if (port !== undefined && wire.ends[1].localPort !== port) continue
        Object.assign(wire, { requestsPass: false, answersPass: false })
      }
    },
    loseAnswers() {
      for (const wire of wires) wire.answersPass = false
    },
    cut,
    restore() {
      isCut = false
    },
    async stop() {
      cut()
      proxy.close()
      await once(proxy, 'close')
    },
  }
}

function close({ ends }: Wire): void {
  for (const end of ends) end.destroy()
}
