/** What a connection costs that does nothing: resident memory of the server for each. */
import {
  type Contestant,
  contestant,
  type Name,
  payloadOf,
  phoenix,
  socketIo,
} from '../contestants.ts'
import type { Opening } from '../load/worker.ts'
import { residentBytes } from '../process.ts'
import { atMost, type Context, type Outcome, type Row } from './context.ts'

const WARM_UP_MS = 1_500

interface Idling {
  readonly name: Name
  readonly path: string
  readonly hello?: Opening['hello']
  readonly echo: string
}

const topic = 'bench:{i}'
const payload = payloadOf(40)

/** Each connection with a topic of its own. */
const IDLING: readonly Idling[] = [
  { name: 'raw uWebSockets.js', path: '/echo', echo: payload },
  {
    name: 'agent-channels',
    path: phoenix.v2,
    hello: phoenix.joined([topic]),
    echo: phoenix.push(topic, 'echo', payload),
  },
  {
    name: 'Socket.IO',
    path: socketIo.path,
    hello: socketIo.joined(topic),
    echo: socketIo.echo(payload),
  },
]

/** Garbage goes, and what the heap no longer needs goes back to the system. */
async function settled({ child, pid }: Contestant): Promise<number> {
  for (let pass = 0; pass < 3; pass += 1) await child.call('collectGarbage')
  return residentBytes(pid)
}

async function measure({ load, scale }: Context, idling: Idling): Promise<number> {
  const { name, path, hello, echo } = idling
  const server = await contestant(name)
  const open = (count: number, first: number) =>
    load.open({ group: name, port: server.port, path, count, first, ...(hello && { hello }) })
  // What the first ones need, code and tables, is not theirs alone; nor is the young generation of the heap,
  // which grows with the first traffic, whoever brings it.
  await open(scale.idle / 10, 0)
  await load.pump({ group: name, send: [echo], outstanding: 8, inOneWrite: true, ms: WARM_UP_MS })
  const before = await settled(server)
  await open(scale.idle, scale.idle / 10)
  const after = await settled(server)
  await load.close(name)
  server.stop()
  return (after - before) / scale.idle
}

export async function idle(context: Context): Promise<Outcome> {
  const rows: Row[] = []
  for (const idling of IDLING) {
    const figure = (await measure(context, idling)) / 1_024
    rows.push({ work: 'idle connection', who: idling.name, figure, unit: 'KiB resident each' })
  }
  const ours = rows.find(({ who }) => who === 'agent-channels')?.figure ?? Number.NaN
  const inKiB = (value: number) => `${value.toFixed(1)} KiB`
  return {
    rows,
    goals: [atMost('idle connection with one joined channel, resident', ours, 3, inKiB)],
  }
}
