import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A server of a JSON Web Key Set on loopback. */
export interface KeyServer {
  readonly url: string
  /** How often it was asked. */
  readonly asked: number
  /** What it answers from now on: a set, or whatever a function writes. */
  answer: object | ((response: ServerResponse) => void)
  /** Resolves when it is asked the next time. */
  next(): Promise<unknown>
  stop(): Promise<void>
}

/** Starts one on a free port, or on one that was free a moment ago. */
export async function startKeyServer(
  answer: KeyServer['answer'] = { keys: [] },
  port = 0,
): Promise<KeyServer> {
  let asked = 0
  const server = createServer((_request, response) => {
    asked += 1
    if (typeof state.answer === 'function') state.answer(response)
    else response.end(JSON.stringify(state.answer))
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const state: KeyServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`,
    get asked() {
      return asked
    },
    answer,
    next: () => once(server, 'request'),
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return state
}
