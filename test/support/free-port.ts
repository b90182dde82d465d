import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * A port of loopback that nobody has, below those that the kernel gives to outgoing connections: a client
 * that tries again and again to reach a server that is away would sooner or later be given the server's
 * own port.
 */
export async function freePort(): Promise<number> {
  const port = randomInt(16_000, 32_000)
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return freePort()
  }
  server.close()
  await once(server, 'close')
  return port
}
