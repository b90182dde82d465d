import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Serves the tests' page, on a port of its own: to the servers under test it comes from elsewhere. */
export interface PageServer {
  readonly port: number
  stop(): Promise<void>
}

export async function startPageServer(script: string): Promise<PageServer> {
  const html = '<!doctype html><link rel=icon href=data:,><script src=/page.js></script>'
  const server = createServer(({ url }, response) => {
    const isScript = url === '/page.js'
    const type = isScript ? 'text/javascript' : 'text/html'
    response.setHeader('content-type', `${type}; charset=utf-8`).end(isScript ? script : html)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    async stop() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
