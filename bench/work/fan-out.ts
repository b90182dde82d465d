/** One message to many: the cost of a delivery, with one topic, with ten, and with two serializers. */
import { type Contestant, contestant, payloadOf, phoenix, socketIo } from '../contestants.ts'
import type { Opening, Pumping } from '../load/worker.ts'
import { figureOf, inTurn, type Rounds, ratioOf } from '../measure.ts'
import {
  atMost,
  type Context,
  cpuWhile,
  type Goal,
  type Load,
  type Outcome,
  type Row,
  times,
} from './context.ts'

const TOPICS = 10
/** Messages at a time. */
export const BATCH = 4
const PAYLOAD_BYTES = 40
const RAW = 'raw uWebSockets.js'
const OURS = 'agent-channels'

/** A kind of subscriber: how it connects, and its part of them. */
export interface Kind {
  readonly path: string
  readonly hello?: Opening['hello']
}

export interface Room {
  readonly server: Contestant
  /** The subscribers are shared out among these. The first one publishes. */
  readonly kinds: readonly Kind[]
  readonly publish: readonly string[]
  /** Its own load client, where one alone has not enough sockets. */
  readonly load?: Load
}

/**
 * Opens the rooms' subscribers and measures, in turn, the CPU that `pids` spend on one delivery; in
 * microseconds.
 */
export async function deliveryCosts<Name extends string>(
  context: Context,
  rooms: Readonly<Record<Name, Room>>,
  subscribers: number,
): Promise<Rounds<Name>> {
  const { scale } = context
  const loadOf = (name: Name) => rooms[name].load ?? context.load
  const names = Object.keys(rooms) as Name[]
  for (const name of names) {
    const { kinds, server } = rooms[name]
    const load = loadOf(name)
    const [first] = kinds
    const open = (group: string, kind: Kind | undefined, count: number) =>
      load.open({ group, port: server.port, path: kind?.path ?? '', count, ...helloOf(kind) })
    for (const kind of kinds) await open(name, kind, Math.ceil(subscribers / kinds.length))
    await open(`${name} publisher`, first, 1)
  }
  const rounds = await inTurn(names, scale.rounds, async (name) => {
    const { server, publish } = rooms[name]
    const load = loadOf(name)
    const before = await load.received(name)
    const pumping = { ...inBatches(publish, name, before.length), ms: scale.turnMs }
    const { micros, result } = await cpuWhile([server.pid], async () => {
      const pumped = await load.pump({ group: `${name} publisher`, ...pumping })
      await load.until(
        name,
        before.map((count) => count + pumped.requests * BATCH),
      )
      return pumped
    })
    return micros / (result.requests * BATCH * (before.length + 1))
  })
  for (const name of names) {
    for (const group of [name, `${name} publisher`]) await loadOf(name).close(group)
  }
  return rounds
}

/**
 * Four messages in one write, and the next four when all subscribers have them: a server writes what it got
 * together, and how much that is would decide otherwise.
 */
export function inBatches(
  messages: readonly string[],
  heardBy: string,
  subscribers: number,
): Pick<Pumping, 'send' | 'outstanding' | 'answers' | 'heardBy'> {
  const send = messages.map((_, n) =>
    Array.from(
      { length: BATCH },
      (_each, at) => messages[(n * BATCH + at) % messages.length] ?? '',
    ),
  )
  return { send, outstanding: 1, answers: subscribers * BATCH, heardBy }
}

const helloOf = (kind: Kind | undefined) => (kind?.hello ? { hello: kind.hello } : {})

const payload = payloadOf(PAYLOAD_BYTES)
const shout = (topic: string) => phoenix.push(topic, 'shout', payload, null)
const shouted = (topic: string, text = payload) => `[null,null,"${topic}","shout",${text}]`

/** As many bytes as ours for the same topic: the topic's number stands in its first two. */
const rawShout = (topic: string, n: number, text?: string) =>
  `${String(n).padStart(2, '0')}${shouted(topic, text).slice(2)}`

/** Raw and ours, with so many topics for each connection and so many bytes of payload. */
export function pairOfRooms(
  raw: Contestant,
  ours: Contestant,
  topicCount: number,
  payloadBytes: number,
): Readonly<Record<typeof RAW | typeof OURS, Room>> {
  const topics = Array.from({ length: topicCount }, (_, n) => `bench:${n}`)
  const text = payloadOf(payloadBytes)
  return {
    [RAW]: room(
      raw,
      [{ path: `/topics?${topics.map((_, n) => n).join(',')}` }],
      topics.map((topic, n) => rawShout(topic, n, text)),
    ),
    [OURS]: room(
      ours,
      [{ path: phoenix.v2, hello: phoenix.joined(topics) }],
      topics.map((topic) => phoenix.push(topic, 'shout', text, null)),
    ),
  }
}

type Servers = Readonly<Record<'raw' | 'ours' | 'ws' | 'io', Contestant>>

interface Variant {
  readonly work: string
  readonly limit: number
  rooms(servers: Servers): Readonly<Record<string, Room>>
}

const VARIANTS: readonly Variant[] = [
  {
    work: 'broadcast',
    limit: 1.05,
    rooms: ({ raw, ours, ws, io }) => ({
      ...pairOfRooms(raw, ours, 1, PAYLOAD_BYTES),
      ws: room(ws, [{ path: '/' }], [shouted('bench:0')]),
      'Socket.IO': room(
        io,
        [{ path: socketIo.path, hello: socketIo.joined('bench') }],
        [socketIo.shout('bench', payload)],
      ),
    }),
  },
  {
    work: 'broadcast, 10 topics per connection',
    limit: 1.15,
    rooms: ({ raw, ours }) => pairOfRooms(raw, ours, TOPICS, PAYLOAD_BYTES),
  },
  {
    work: 'broadcast, V1 and V2 mixed',
    limit: 1.15,
    rooms: ({ raw, ours }) => ({
      [RAW]: room(raw, [{ path: '/both?0' }, { path: '/both?1' }], [shouted('bench:m')]),
      [OURS]: room(
        ours,
        [
          { path: phoenix.v2, hello: phoenix.joined(['bench:m']) },
          { path: phoenix.v1, hello: phoenix.joinedV1('bench:m') },
        ],
        [shout('bench:m')],
      ),
    }),
  },
]

function room(server: Contestant, kinds: readonly Kind[], publish: readonly string[]): Room {
  return { server, kinds, publish }
}

export async function fanOut(context: Context): Promise<Outcome> {
  const servers = {
    raw: await contestant('raw uWebSockets.js'),
    ours: await contestant('agent-channels'),
    ws: await contestant('ws'),
    io: await contestant('Socket.IO'),
  }
  const rows: Row[] = []
  const goals: Goal[] = []
  for (const { work, limit, rooms } of VARIANTS) {
    const open = rooms(servers)
    const rounds = await deliveryCosts(context, open, context.scale.subscribers)
    for (const who of Object.keys(open)) {
      rows.push({
        work,
        who,
        figure: figureOf(rounds, who),
        unit: 'µs CPU per delivery',
        ratio: ratioOf(rounds, who, RAW),
      })
    }
    const ratio = ratioOf(rounds, OURS, RAW)
    goals.push(atMost(`V2 ${work}, against raw app.publish`, ratio, limit, times))
  }
  for (const server of Object.values(servers)) server.stop()
  return { rows, goals }
}
