/** A request and its answer: 100 connections, each with 8 requests on their way. */
import { type Contestant, contestant, payloadOf, phoenix, socketIo } from '../contestants.ts'
import type { Opening, Request } from '../load/worker.ts'
import { figureOf, inTurn, type Rounds, ratioOf } from '../measure.ts'
import {
  atLeast,
  atMost,
  type Context,
  cpuWhile,
  type Outcome,
  type Row,
  times,
} from './context.ts'

const CONNECTIONS = 100
const OUTSTANDING = 8
const PAYLOAD_BYTES = 40
/** The server is what all wait for: requests that have come meanwhile are read together. */
export const BATCHED = 'echo, requests in one write'
/** The client is slower than the server: each request costs a read and a write of its own. */
const APART = 'echo, each request in its own write'
const RAW = 'raw uWebSockets.js'
const OURS = 'agent-channels'
const CHECKED = 'agent-channels, with a schema'

type Who = typeof RAW | typeof OURS | typeof CHECKED | 'ws' | 'Socket.IO'

export interface Spoken {
  readonly server: Contestant
  readonly path: string
  readonly hello?: Opening['hello']
  readonly request: Request
}

/** CPU of the server per message, in microseconds. */
export async function echoCost(
  { load, scale }: Context,
  group: string,
  { server, request }: Spoken,
  inOneWrite = false,
): Promise<number> {
  const asked = { send: [request], outstanding: OUTSTANDING, inOneWrite }
  const pumping = { group, ...asked, ms: scale.turnMs }
  const { micros, result } = await cpuWhile([server.pid], () => load.pump(pumping))
  return micros / result.requests
}

export async function echo(context: Context): Promise<Outcome> {
  const raw = await contestant('raw uWebSockets.js')
  const ours = await contestant('agent-channels')
  const ws = await contestant('ws')
  const io = await contestant('Socket.IO')
  const payload = payloadOf(PAYLOAD_BYTES)
  const topic = 'bench:{i}'
  const message = phoenix.push(topic, 'echo', payload)
  const joined = { server: ours, path: phoenix.v2, hello: phoenix.joined([topic]) }
  const spoken: Readonly<Record<Who, Spoken>> = {
    [RAW]: { server: raw, path: '/echo', request: message },
    [OURS]: { ...joined, request: message },
    [CHECKED]: { ...joined, request: phoenix.push(topic, 'echo_checked', payload) },
    ws: { server: ws, path: '/echo', request: message },
    'Socket.IO': {
      server: io,
      path: socketIo.path,
      hello: socketIo.connected,
      request: socketIo.echo(payload),
    },
  }
  const names = Object.keys(spoken) as Who[]
  for (const name of names) {
    const { server, path, hello } = spoken[name]
    const opening = { group: name, port: server.port, path, count: CONNECTIONS }
    await context.load.open({ ...opening, ...(hello && { hello }) })
  }
  const { rounds: count } = context.scale
  const apart = await inTurn(names, count, (name) => echoCost(context, name, spoken[name]))
  const batched = await inTurn(names, count, (name) => echoCost(context, name, spoken[name], true))
  for (const name of names) await context.load.close(name)
  for (const server of [raw, ours, ws, io]) server.stop()
  const rowsOf = (work: string, measured: Rounds<Who>): Row[] =>
    names.map((who) => ({
      work,
      who,
      figure: figureOf(measured, who),
      unit: 'µs CPU per message',
      ratio: ratioOf(measured, who, RAW),
    }))
  return {
    rows: [...rowsOf(BATCHED, batched), ...rowsOf(APART, apart)],
    goals: [
      atMost(`V2 ${BATCHED}, against raw uWS`, ratioOf(batched, OURS, RAW), 1.8, times),
      atMost(
        `V2 ${BATCHED}, an object schema on top`,
        ratioOf(batched, CHECKED, RAW) - ratioOf(batched, OURS, RAW),
        0.3,
        times,
      ),
      atLeast(`V2 ${BATCHED}, less than Socket.IO`, ratioOf(batched, 'Socket.IO', OURS), 5, times),
    ],
  }
}
