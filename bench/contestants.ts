/** The servers that are compared, and how each is spoken to. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Opening } from './load/worker.ts'
import { Child } from './process.ts'

export type Name = 'raw uWebSockets.js' | 'agent-channels' | 'ws' | 'Socket.IO' | 'steps'

const FILES: Readonly<Record<Name, string>> = {
  'raw uWebSockets.js': 'peers/raw-uws.ts',
  'agent-channels': 'peers/agent-channels.ts',
  ws: 'peers/ws.ts',
  'Socket.IO': 'peers/socket-io.ts',
  steps: 'peers/steps.ts',
}

export interface Contestant {
  readonly name: Name
  readonly pid: number
  readonly port: number
  readonly child: Child
  stop(): void
}

/** What one load client asks for, many would: the limits are counted, but not reached. */
const OUT_OF_REACH = {
  MAX_MESSAGES_PER_SECOND: '1000000',
  MAX_JOINS_PER_SECOND_PER_SOCKET: '1000000',
  MAX_JOINS_PER_SECOND: '1000000',
  MAX_OPERATIONS_PER_SECOND_PER_OPERATOR: '1000000',
}

/** Starts a server as a process of its own; `redisUrl` makes several of them one; `flags` are Node's. */
export async function contestant(
  name: Name,
  { redisUrl, flags = [] }: { readonly redisUrl?: string; readonly flags?: readonly string[] } = {},
): Promise<Contestant> {
  const dataDir = mkdtempSync(join(tmpdir(), 'agent-channels-bench-'))
  const env = {
    PORT: '0',
    DATA_DIR: dataDir,
    LOG_LEVEL: 'error',
    ...OUT_OF_REACH,
    ...(redisUrl !== undefined && { REDIS_URL: redisUrl }),
  }
  const child = new Child(FILES[name], env, { flags, cwd: dataDir })
  const stop = () => {
    child.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
  return { name, child, pid: child.pid, port: await child.call<number>('port'), stop }
}

type Hello = NonNullable<Opening['hello']>

/** A payload of `bytes` bytes of JSON. */
export const payloadOf = (bytes: number): string =>
  `{"text":"${'x'.repeat(Math.max(0, bytes - 11))}"}`

/** Phoenix's V2, and V1 where it is said. */
export const phoenix = {
  v2: '/socket/websocket?vsn=2.0.0',
  v1: '/socket/websocket?vsn=1.0.0',
  joined: (topics: readonly string[]): Hello =>
    topics.map((topic, n) => ({ send: `["1","1","${topic}","phx_join",{}]`, answers: n + 1 })),
  joinedV1: (topic: string): Hello => [
    { send: `{"topic":"${topic}","event":"phx_join","payload":{},"ref":"1"}`, answers: 1 },
  ],
  push: (topic: string, event: string, payload: string, ref: string | null = '2'): string =>
    `["1",${JSON.stringify(ref)},"${topic}","${event}",${payload}]`,
}

/** Engine.IO 4 over a WebSocket alone. Its server speaks first. */
export const socketIo = {
  path: '/socket.io/?EIO=4&transport=websocket',
  connected: [{ send: '40', answers: 2 }] satisfies Hello,
  joined: (room: string): Hello => [
    { send: '40', answers: 2 },
    { send: `420["join","${room}"]`, answers: 3 },
  ],
  echo: (payload: string): string => `420["echo",${payload}]`,
  shout: (room: string, payload: string): string => `42["shout","${room}",${payload}]`,
}
