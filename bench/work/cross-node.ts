/** One message through Redis to the 1,000 subscribers of another node: the CPU of both nodes for each. */
import { startRedis } from '../../test/support/redis.ts'
import {
  type Contestant,
  contestant,
  type Name,
  payloadOf,
  phoenix,
  socketIo,
} from '../contestants.ts'
import type { Paced } from '../load/worker.ts'
import { figureOf, inTurn, ratioOf } from '../measure.ts'
import { atMost, type Context, cpuWhile, type Outcome, times } from './context.ts'
import { BATCH, inBatches, type Kind } from './fan-out.ts'

const payload = payloadOf(40)
const RAW = 'raw uWebSockets.js'
const OURS = 'agent-channels'
const PACED_PER_SECOND = 500
const LATENCY = `from one node to another, ${PACED_PER_SECOND} broadcasts a second`
const TOPIC = 'bench:far'

interface Spoken extends Kind {
  readonly publish: string
}

/** Raw is a relay by ioredis: what is published goes to Redis, what comes from it to all. */
const SPOKEN: Readonly<Partial<Record<Name, Spoken>>> = {
  [RAW]: { path: '/relay?0', publish: `[null,null,"${TOPIC}","shout",${payload}]` },
  [OURS]: {
    path: phoenix.v2,
    hello: phoenix.joined([TOPIC]),
    publish: phoenix.push(TOPIC, 'shout', payload, null),
  },
  'Socket.IO': {
    path: socketIo.path,
    hello: socketIo.joined('far'),
    publish: socketIo.shout('far', payload),
  },
}

export async function crossNode(context: Context): Promise<Outcome> {
  const { load, scale } = context
  const redis = await startRedis()
  const names = Object.keys(SPOKEN) as Name[]
  const nodes = new Map<Name, readonly [Contestant, Contestant]>()
  try {
    for (const name of names) {
      const { path, hello } = SPOKEN[name] as Spoken
      const near = await contestant(name, { redisUrl: redis.url })
      const far = await contestant(name, { redisUrl: redis.url })
      nodes.set(name, [near, far])
      const open = (group: string, { port }: Contestant, count: number) =>
        load.open({ group, port, path, count, ...(hello && { hello }) })
      await open(`${name} near`, near, 1)
      await open(`${name} far`, far, scale.subscribers)
    }
    const rounds = await inTurn(names, scale.rounds, async (name) => {
      const pids = (nodes.get(name) ?? []).map(({ pid }) => pid)
      const before = await load.received(`${name} far`)
      const { micros, result } = await cpuWhile(pids, async () => {
        const pumped = await load.pump({
          group: `${name} near`,
          ...inBatches([SPOKEN[name]?.publish ?? ''], `${name} far`, scale.subscribers),
          ms: scale.turnMs,
        })
        await load.until(
          `${name} far`,
          before.map((count) => count + pumped.requests * BATCH),
        )
        return pumped
      })
      return micros / (result.requests * BATCH)
    })
    const latency = await timeToOne(context, nodes.get(OURS))
    const work = `cross-node broadcast, ${scale.subscribers} remote subscribers`
    return {
      rows: [
        ...names.map((who) => ({
          work,
          who,
          figure: figureOf(rounds, who),
          unit: 'µs CPU of both nodes per publish',
          ratio: ratioOf(rounds, who, RAW),
        })),
        { work: LATENCY, who: OURS, figure: latency.p50, unit: 'ms, median' },
        { work: LATENCY, who: OURS, figure: latency.p99, unit: 'ms, 99th percentile' },
      ],
      goals: [
        atMost(
          `${work}, against a raw uWS + ioredis relay`,
          ratioOf(rounds, OURS, RAW),
          1.2,
          times,
        ),
      ],
    }
  } finally {
    for (const pair of nodes.values()) for (const node of pair) node.stop()
    await redis.stop()
  }
}

/** How long a broadcast takes to one client of the other node. */
async function timeToOne(
  { load, scale }: Context,
  nodes: readonly [Contestant, Contestant] | undefined,
): Promise<Paced> {
  const topic = 'bench:one'
  for (const [at, node] of (nodes ?? []).entries()) {
    const opening = { path: phoenix.v2, hello: phoenix.joined([topic]), count: 1 }
    await load.open({ group: `${topic} ${at}`, port: node.port, ...opening })
  }
  return await load.pace({
    group: `${topic} 0`,
    send: phoenix.push(topic, 'shout', payload, null),
    heardBy: `${topic} 1`,
    perSecond: PACED_PER_SECOND,
    ms: scale.turnMs * 3,
  })
}
