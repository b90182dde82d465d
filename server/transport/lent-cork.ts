/**
 * Where an upgrade is written that comes after its handler has returned: in the cork of another response.
 *
 * In the response's own, uWS 20.51 ends by reading memory that the upgrade has given back, takes what stands there
 * by then for `connection: close` now and then, and cuts the new connection (1006). In none, it prints a warning
 * for each. So one response is kept for that, on a connection of the process with itself, and never answered.
 */
import { connect, type Socket } from 'node:net'
import { type HttpResponse, LISTEN_EXCLUSIVE, uws } from './uws.ts'

const HOST = '127.0.0.1'
const REQUEST = 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n'

export interface LentCork {
  /** Runs a task in the cork that is lent; undefined where it is lost. */
  readonly run: ((task: () => void) => void) | undefined
  /** Again is the same as once. */
  close(): void
}

/** Listens on a port of loopback until it has connected to it. Rejects where that cannot be. */
export function lendCork(): Promise<LentCork> {
  const app = uws.App()
  let client: Socket | undefined
  let kept: HttpResponse | undefined
  const run = (task: () => void): void => {
    kept?.cork(task)
  }
  return new Promise((resolve, reject) => {
    app.any('/*', (res) => {
      if (kept) {
        res.close()
        return
      }
      kept = res
      res.onAborted(() => {
        kept = undefined
      })
      if (listening) uws.us_listen_socket_close(listening)
      resolve({
        get run() {
          return kept && run
        },
        close() {
          if (!client) return
          client.destroy()
          client = undefined
          app.close()
        },
      })
    })
    let listening: Parameters<typeof uws.us_listen_socket_close>[0] | undefined
    app.listen(HOST, 0, LISTEN_EXCLUSIVE, (token) => {
      if (!token) {
        reject(new Error(`cannot listen on ${HOST}`))
        return
      }
      listening = token
      client = connect(uws.us_socket_local_port(token), HOST).unref()
      client.on('error', reject).write(REQUEST)
    })
  })
}
