import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../support/free-port.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'

/** The server that is shipped, as a process. */
export interface WholeServer {
  /** `http://127.0.0.1:…`; the mount is `/socket`. */
  readonly url: string
  /** Kills it with -9 and starts it again, on its port and its data. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** Starts it with no data, and lets in pages of `origins` (contract 2, CHECK_ORIGIN) only. */
export async function startWholeServer(origins: string): Promise<WholeServer> {
  const directory = await mkdtemp(join(tmpdir(), 'browser-'))
  const port = String(await freePort())
  const start = (): Promise<ServerProcess> =>
    startServer({
      PORT: port,
      DATA_DIR: join(directory, 'data'),
      CHECK_ORIGIN: origins,
      LOG_LEVEL: 'silent',
    })
  let server = await start()
  return {
    url: server.url,
    async restart() {
      await server.kill9()
      server = await start()
    },
    async stop() {
      await server.kill9()
      await rm(directory, { recursive: true })
    },
  }
}
