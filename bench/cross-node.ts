/**
 * node --import tsx bench/cross-node.ts: how long a broadcast takes from one node to another, and what it costs.
 *
 * A Redis and two nodes, each a process of its own, on 127.0.0.1. One client of each node has joined a room; the
 * one of node A says 5,000 things, 500 a second. Latency is measured in this process, from before the send of one
 * client to the message event of the other, so its own work counts, too. CPU is what the kernel has counted for
 * each process, less what the same processes took in an idle time of the same length.
 */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { availableParallelism, loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'
import { within } from '../test/support/deadline.ts'
import { startRedis } from '../test/support/redis.ts'
import { startProcess } from '../test/support/server-process.ts'

const MESSAGES = 5_000
const PER_SECOND = 500
/** Said before it counts: compilers warm up. */
const WARM_UP = 1_000
const TEXT = 'x'.repeat(100)
const LAST_MS = 5_000
/** Of Linux: the kernel counts CPU time in hundredths of a second, whatever its own clock is. */
const TICK_MS = 10

const NODE = {
  args: ['--import', 'tsx', fileURLToPath(import.meta.resolve('../test/support/plain-node.ts'))],
  ready: /listening on http(:\S+)/,
  readyMs: 30_000,
}

/** A client in the room. */
interface Client {
  say(n: number): void
  /** When each message came, by its number. */
  readonly heardAt: Map<number, number>
  /** Resolves when so many have come. */
  heard(count: number): Promise<void>
  close(): void
}

async function join(url: string): Promise<Client> {
  const socket = new WebSocket(`ws${url}/socket/websocket?vsn=2.0.0`)
  const heardAt = new Map<number, number>()
  await once(socket, 'open')
  const push = (event: string, payload: object) =>
    socket.send(JSON.stringify(['1', null, 'room:lobby', event, payload]))
  push('phx_join', {})
  await once(socket, 'message')
  let check = () => {}
  socket.on('message', (data) => {
    const at = performance.now()
    const [, , , event, payload] = JSON.parse(String(data)) as [null, null, string, string, unknown]
    if (event !== 'said') return
    heardAt.set((payload as { readonly n: number }).n, at)
    check()
  })
  return {
    say: (n) => push('say', { n, text: TEXT }),
    heardAt,
    async heard(count) {
      const all = new Promise<void>((resolve) => {
        check = () => heardAt.size >= count && resolve()
        check()
      })
      await within(all, LAST_MS, () => `${count} messages: ${heardAt.size} came`)
    },
    close: () => socket.terminate(),
  }
}

/** Says the numbers from `first` on at a steady pace; returns when each was said. */
async function talk(client: Client, first: number, count: number): Promise<readonly number[]> {
  const startedAt = performance.now()
  const saidAt: number[] = []
  while (saidAt.length < count) {
    const due = Math.ceil(((performance.now() - startedAt) * PER_SECOND) / 1_000)
    while (saidAt.length < Math.min(due, count)) {
      saidAt.push(performance.now())
      client.say(first + saidAt.length - 1)
    }
    await sleep(1)
  }
  return saidAt
}

/** CPU time of a process so far, in milliseconds. */
async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  // The name of the program, in brackets, may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [utime, stime] = fields.slice(11, 13)
  return (Number(utime) + Number(stime)) * TICK_MS
}

/** What each process takes of the CPU while something goes on, in milliseconds. */
async function spent(pids: readonly number[], task: () => Promise<void>): Promise<number[]> {
  const before = await Promise.all(pids.map(cpuMs))
  await task()
  const after = await Promise.all(pids.map(cpuMs))
  return after.map((ms, at) => ms - (before[at] ?? 0))
}

/** Of latencies in milliseconds, the median, the 99th percentile and the longest. */
function latencies(saidAt: readonly number[], heardAt: Client['heardAt']) {
  const sorted = saidAt
    .map((at, index) => (heardAt.get(WARM_UP + index) ?? Number.NaN) - at)
    .toSorted((one, other) => one - other)
  const part = (share: number) => (sorted[Math.ceil(sorted.length * share) - 1] ?? 0).toFixed(2)
  return { 'p50 ms': part(0.5), 'p99 ms': part(0.99), 'max ms': part(1) }
}

const redis = await startRedis()
const env = { REDIS_URL: redis.url }
const nodes = await Promise.all([startProcess({ ...NODE, env }), startProcess({ ...NODE, env })])
const [speaker, listener] = (await Promise.all(nodes.map(({ url }) => join(url)))) as [
  Client,
  Client,
]
try {
  await talk(speaker, 0, WARM_UP)
  await listener.heard(WARM_UP)

  const pids = [...nodes, redis].map(({ pid }) => pid)
  const idle = await spent(pids, () => sleep((MESSAGES / PER_SECOND) * 1_000))
  let saidAt: readonly number[] = []
  const busy = await spent(pids, async () => {
    saidAt = await talk(speaker, WARM_UP, MESSAGES)
    await Promise.all([speaker, listener].map((client) => client.heard(WARM_UP + MESSAGES)))
  })

  const load = loadavg()[0]?.toFixed(1)
  console.log(
    `${MESSAGES} broadcasts, ${PER_SECOND} a second; Node ${process.version}, ` +
      `${availableParallelism()} CPUs, load average ${load}`,
  )
  const cpu = (at: number) => ({
    'CPU µs each': ((((busy[at] ?? 0) - (idle[at] ?? 0)) * 1_000) / MESSAGES).toFixed(0),
    'idle ms': idle[at],
  })
  console.table({
    'node A': { ...latencies(saidAt, speaker.heardAt), ...cpu(0) },
    'node B': { ...latencies(saidAt, listener.heardAt), ...cpu(1) },
    Redis: cpu(2),
  })
} finally {
  for (const client of [speaker, listener]) client.close()
  await Promise.all(nodes.map((node) => node.kill9()))
  await redis.stop()
}
