/** A load client, a process of its own: many connections, and as little work as possible for each frame. */
import { setTimeout as sleep } from 'node:timers/promises'
import { answerCalls } from '../process.ts'
import { LoadConnection } from './connection.ts'
import { clientFrame } from './frames.ts'

/** How many handshakes run at once. */
const OPENING = 50

const groups = new Map<string, LoadConnection[]>()

const groupOf = (name: string): LoadConnection[] => {
  const group = groups.get(name)
  if (!group) throw new Error(`no group ${name}`)
  return group
}

export interface Opening {
  readonly group: string
  readonly port: number
  /** In it and in `hello`, `{i}` is the connection's number, from `first` (0) on. */
  readonly path: string
  readonly count: number
  readonly first?: number
  /** What each connection sends, one after the other, each as soon as `answers` frames came in all. */
  readonly hello?: readonly { readonly send: string; readonly answers: number }[]
}

async function open({ group, port, path, count, first = 0, hello = [] }: Opening): Promise<void> {
  const made = groups.get(group) ?? []
  groups.set(group, made)
  const before = made.length
  let opened = 0
  const one = async (): Promise<void> => {
    while (opened < count) {
      const place = before + opened
      const i = String(first + opened)
      opened += 1
      const connection = await LoadConnection.open(port, path.replaceAll('{i}', i))
      for (const { send, answers } of hello) {
        connection.send(clientFrame(send.replaceAll('{i}', i)))
        await connection.until(answers)
      }
      // Not in the order in which they came up: what is sent later names its place.
      made[place] = connection
    }
  }
  await Promise.all(Array.from({ length: OPENING }, one))
}

/** One request: a message, or several in one write. `{i}` is the connection's place in its group. */
export type Request = string | readonly string[]

const framesOf = (request: Request, i: number): Buffer =>
  Buffer.concat([request].flat().map((text) => clientFrame(text.replaceAll('{i}', String(i)))))

export interface Pumping {
  readonly group: string
  /** Sent in turn. */
  readonly send: readonly Request[]
  /** Requests of one connection that are not answered yet. */
  readonly outstanding: number
  /** Frames that answer one request: 1 where nothing is said. */
  readonly answers?: number
  /** Requests that may be sent at once are sent in one write. */
  readonly inOneWrite?: boolean
  /** Frames that come to this group are the answers: `group` has one connection, and what comes to it is none. */
  readonly heardBy?: string
  readonly ms: number
}

export interface Pumped {
  readonly requests: number
  readonly ms: number
}

/** Sends one connection's requests in turn, each in a write of its own, as clients do; or all in one. */
function sender(
  connection: LoadConnection,
  requests: readonly Buffer[],
  inOneWrite: boolean,
): (count: number) => void {
  let at = 0
  const next = (): Buffer => {
    const request = requests[at] ?? Buffer.alloc(0)
    at = (at + 1) % requests.length
    return request
  }
  if (!inOneWrite) {
    return (count) => {
      for (let left = count; left > 0; left -= 1) connection.send(next())
    }
  }
  return (count) => connection.send(Buffer.concat(Array.from({ length: count }, next)))
}

/** Keeps every connection busy: an answer sends the next request. Resolves when all are answered. */
async function pump(pumping: Pumping): Promise<Pumped> {
  const { group, send, outstanding, answers = 1, ms } = pumping
  const connections = groupOf(group)
  const startedAt = performance.now()
  let isOver = false
  let requests = 0
  const all = connections.map((connection, i) => {
    const frames = send.map((request) => framesOf(request, i))
    const requesting = sender(connection, frames, pumping.inOneWrite ?? false)
    return new Promise<void>((resolve, reject) => {
      connection.onLost = reject
      let open = 0
      let came = 0
      const ask = (count: number) => {
        requests += count
        open += count
        requesting(count)
      }
      listen(connection, pumping.heardBy, (count) => {
        came += count
        const answered = Math.floor(came / answers)
        if (answered === 0) return
        came -= answered * answers
        open -= answered
        if (!isOver) ask(answered)
        else if (open <= 0) resolve()
      })
      ask(outstanding)
    })
  })
  const answered = Promise.all(all)
  await Promise.race([sleep(ms), answered])
  isOver = true
  const pumped = performance.now() - startedAt
  await answered
  for (const connection of connections) listen(connection, pumping.heardBy, ignore)
  return { requests, ms: pumped }
}

const ignore = (): void => undefined

/** Listens to what answers a connection: what comes to itself, or to all of another group. */
function listen(
  connection: LoadConnection,
  heardBy: string | undefined,
  onFrames: LoadConnection['onFrames'],
): void {
  for (const each of heardBy === undefined ? [connection] : groupOf(heardBy)) {
    each.onFrames = onFrames
  }
}

export interface Pacing {
  readonly group: string
  readonly send: Request
  readonly answers?: number
  readonly heardBy?: string
  readonly perSecond: number
  readonly ms: number
}

/** Latencies in milliseconds. */
export interface Paced {
  readonly requests: number
  readonly p50: number
  readonly p99: number
}

const TICK_MS = 1

/**
 * A fixed rate over all connections, whatever the answers do. A latency counts from when its request was due,
 * so that a stall of the server is not hidden by our waiting for it.
 */
async function pace(pacing: Pacing): Promise<Paced> {
  const { group, send, answers = 1, perSecond, ms } = pacing
  const connections = groupOf(group)
  const latencies: number[] = []
  const lanes = connections.map((connection, i) => {
    const due: number[] = []
    let frames = 0
    listen(connection, pacing.heardBy, (count) => {
      const now = performance.now()
      for (frames += count; frames >= answers; frames -= answers) {
        latencies.push(now - (due.shift() ?? now))
      }
    })
    return { due, requesting: sender(connection, [framesOf(send, i)], true) }
  })
  const total = Math.floor((perSecond * ms) / 1_000)
  const startedAt = performance.now()
  let sent = 0
  await new Promise<void>((resolve) => {
    const tick = (): void => {
      const due = Math.floor(((performance.now() - startedAt) * perSecond) / 1_000)
      const until = Math.min(total, due)
      // Each connection's share in one write, as a client's own tick would send it.
      const share = Math.ceil((until - sent) / lanes.length)
      for (const lane of lanes) {
        const count = Math.min(share, until - sent)
        if (count <= 0) break
        for (let n = 0; n < count; n += 1) {
          lane.due.push(startedAt + ((sent + n) * 1_000) / perSecond)
        }
        sent += count
        lane.requesting(count)
      }
      if (latencies.length === total) resolve()
      else setTimeout(tick, TICK_MS)
    }
    tick()
  })
  for (const connection of connections) listen(connection, pacing.heardBy, ignore)
  latencies.sort((a, b) => a - b)
  const quantile = (q: number) => latencies[Math.floor(q * latencies.length)] ?? Number.NaN
  return { requests: total, p50: quantile(0.5), p99: quantile(0.99) }
}

const QUIET_MS = 100

/** Resolves when nothing has come to a group for a while: what follows a join by itself is over. */
async function settled(name: string): Promise<void> {
  const received = () => groupOf(name).reduce((sum, connection) => sum + connection.received, 0)
  for (let before = -1, now = received(); now !== before; now = received()) {
    before = now
    await sleep(QUIET_MS)
  }
}

answerCalls({
  open,
  settled,
  pump,
  pace,
  /** How many frames each connection of a group has received so far, in all. */
  received: (group: string) => groupOf(group).map(({ received }) => received),
  /** Resolves when each has received so many. */
  until: ({ group, each }: { readonly group: string; readonly each: readonly number[] }) =>
    Promise.all(groupOf(group).map((connection, i) => connection.until(each[i] ?? 0))),
  close(group: string) {
    for (const connection of groupOf(group)) connection.close()
    groups.delete(group)
  },
})
