/** How cost grows: with subscribers, with the payload, with the topics of a connection. */
import { type Contestant, contestant, payloadOf, phoenix } from '../contestants.ts'
import { figureOf, inTurn, type Rounds, ratioOf } from '../measure.ts'
import { type Context, Load, type Outcome, type Row } from './context.ts'
import { echoCost, type Spoken } from './echo.ts'
import { deliveryCosts, pairOfRooms } from './fan-out.ts'

const RAW = 'raw uWebSockets.js'
const OURS = 'agent-channels'
const NAMES = [RAW, OURS] as const

const SUBSCRIBERS = [1, 10, 100, 1_000, 10_000]
const PAYLOADS = [32, 512, 4_096, 65_536]
const TOPICS = [1, 10, 100]
/** Where it is not the number of them that grows. */
const SOME = 100
const PAYLOAD_BYTES = 40

type Pair = Rounds<(typeof NAMES)[number]>

const rowsOf = (work: string, unit: string, rounds: Pair): Row[] =>
  NAMES.map((who) => ({
    work,
    who,
    figure: figureOf(rounds, who),
    unit,
    ratio: ratioOf(rounds, who, RAW),
  }))

const inBytes = (bytes: number) => (bytes < 1_024 ? `${bytes} B` : `${bytes / 1_024} KiB`)

/** An echo of a payload of so many bytes. */
async function echoOf(
  context: Context,
  raw: Contestant,
  ours: Contestant,
  bytes: number,
): Promise<Pair> {
  const topic = 'bench:{i}'
  const request = phoenix.push(topic, 'echo', payloadOf(bytes))
  const spoken: Readonly<Record<(typeof NAMES)[number], Spoken>> = {
    [RAW]: { server: raw, path: '/echo', request },
    [OURS]: { server: ours, path: phoenix.v2, hello: phoenix.joined([topic]), request },
  }
  for (const group of NAMES) {
    const { server, path, hello } = spoken[group]
    const opening = { group, port: server.port, path, count: SOME, ...(hello && { hello }) }
    await context.load.open(opening)
  }
  const rounds = await inTurn(NAMES, context.scale.rounds, (name) =>
    echoCost(context, name, spoken[name], true),
  )
  for (const group of NAMES) await context.load.close(group)
  return rounds
}

export async function growth(full: Context): Promise<Outcome> {
  const { rounds, turnMs } = full.scale
  const scale = { ...full.scale, rounds: Math.min(rounds, 3), turnMs: turnMs / 2 }
  const context = { ...full, scale }
  const [raw, ours] = [await contestant(RAW), await contestant(OURS)]
  const beside = new Load()
  const rows: Row[] = []
  const deliveries = async (what: string, count: number, topics: number, bytes: number) => {
    const rooms = pairOfRooms(raw, ours, topics, bytes)
    const apart = { ...rooms, [OURS]: { ...rooms[OURS], load: beside } }
    const costs = await deliveryCosts(context, apart, count)
    rows.push(...rowsOf(`broadcast, ${what}`, 'µs CPU per delivery', costs))
  }
  for (const count of SUBSCRIBERS) {
    const words = count === 1 ? 'subscriber' : 'subscribers'
    await deliveries(`${count.toLocaleString('en')} ${words}`, count, 1, PAYLOAD_BYTES)
  }
  for (const count of TOPICS) {
    await deliveries(
      `${count} ${count === 1 ? 'topic' : 'topics'} per connection, ${SOME} subscribers`,
      SOME,
      count,
      PAYLOAD_BYTES,
    )
  }
  for (const bytes of PAYLOADS) {
    await deliveries(`payload of ${inBytes(bytes)}, ${SOME} subscribers`, SOME, 1, bytes)
  }
  for (const bytes of PAYLOADS) {
    const costs = await echoOf(context, raw, ours, bytes)
    rows.push(...rowsOf(`echo, payload of ${inBytes(bytes)}`, 'µs CPU per message', costs))
  }
  beside.stop()
  raw.stop()
  ours.stop()
  return { rows, goals: [] }
}
