import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../support/free-port.ts'
import { type ServerProcess, startProgram, startServer } from '../support/server-process.ts'

/** The servers that all clients meet, each a process of its own. */
export interface Servers {
  /** The mount of the rooms and the presence that the transcripts talk to. */
  readonly rooms: string
  /** The mount of the server that is shipped. */
  readonly agents: string
  /** Kills the rooms' server and starts it again where it was. */
  restartRooms(): Promise<void>
  stop(): Promise<void>
}

export async function startServers(): Promise<Servers> {
  // Not the kernel's choice: what listened on port 0 blocks its port for a minute after its end.
  const port = String(await freePort())
  const directory = await mkdtemp(join(tmpdir(), 'compat-'))
  const running: ServerProcess[] = []
  const stop = async (): Promise<void> => {
    for (const server of running) await server.kill9()
    await rm(directory, { recursive: true })
  }
  try {
    const rooms = await startRooms(port)
    running.push(rooms)
    const agents = await startAgents(directory)
    running.push(agents)
    return {
      rooms: `${rooms.url}/socket`,
      agents: `${agents.url}/socket`,
      async restartRooms() {
        await rooms.kill9()
        running.push(await startRooms(port))
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

const startRooms = (port: string): Promise<ServerProcess> =>
  startProgram(new URL('../conformance/fixture.ts', import.meta.url), { PORT: port })

const startAgents = (directory: string): Promise<ServerProcess> =>
  startServer({ PORT: '0', DATA_DIR: join(directory, 'data') })
