/**
 * The application's own work: `agent_query_modify`, validated, durable, numbered, and broadcast to the three
 * operators of a session; 100 sessions.
 */
import { startRedis } from '../../test/support/redis.ts'
import { contestant, phoenix } from '../contestants.ts'
import type { Opening } from '../load/worker.ts'
import { median } from '../measure.ts'
import {
  atLeast,
  atMost,
  type Context,
  cpuWhile,
  type Goal,
  type Outcome,
  type Row,
} from './context.ts'

const SESSIONS = 100
const OPERATORS = 3
const OUTSTANDING = 4
const OURS = 'agent-channels'
const BUSINESS = 'bench'
/** The reply, and the event. */
const ANSWERS = 2
const P99_MS = 25

const topic = 'agent:session{i}'
const ids = '"sessionId":"session{i}"'

/** Joins and authenticates: two replies, `agent_authenticated`, `presence_state`. */
const hello = (operator: number): NonNullable<Opening['hello']> => [
  { send: phoenix.push(topic, 'phx_join', `{"businessId":"${BUSINESS}"}`, '1'), answers: 1 },
  {
    send: phoenix.push(
      topic,
      'agent_authenticate',
      `{${ids},"payload":{${ids},"businessId":"${BUSINESS}","operatorId":"operator${operator}",` +
        '"permissions":["agent_access","data_query"]}}',
    ),
    answers: 4,
  },
]

const modify = phoenix.push(
  topic,
  'agent_query_modify',
  `{${ids},"repositoryType":"appointments","modifications":` +
    '[{"field":"filters","operation":"add","value":{"status":"pending"}}]}',
  '3',
)

interface Store {
  readonly name: string
  readonly perSecond: number
  readonly redisUrl?: string
}

async function measure({ load, scale }: Context, store: Store): Promise<Outcome> {
  const server = await contestant(OURS, store)
  const group = `${store.name} writers`
  for (let operator = 0; operator < OPERATORS; operator += 1) {
    await load.open({
      group: operator === 0 ? group : `${store.name} ${operator}`,
      port: server.port,
      path: phoenix.v2,
      count: SESSIONS,
      hello: hello(operator),
    })
  }
  await load.settled(group)
  const rates: number[] = []
  const costs: number[] = []
  for (let round = 0; round <= scale.rounds; round += 1) {
    const pumping = { group, send: [modify], answers: ANSWERS, outstanding: OUTSTANDING }
    const { micros, result } = await cpuWhile([server.pid], () =>
      load.pump({ ...pumping, ms: scale.turnMs }),
    )
    if (round === 0) continue
    rates.push((result.requests * 1_000) / result.ms)
    costs.push(micros / result.requests)
  }
  const perSecond = store.perSecond / 2
  const pacing = { group, send: modify, answers: ANSWERS, perSecond, ms: scale.turnMs * 3 }
  const { p50, p99 } = await load.pace(pacing)
  server.stop()
  const work = `agent_query_modify, ${store.name}`
  const rate = median(rates)
  const inMs = (value: number) => `${value.toFixed(1)} ms`
  const each = (value: number) => `${Math.round(value).toLocaleString('en')} per second`
  const rows: Row[] = [
    { work, who: OURS, figure: rate, unit: 'per second, on one node' },
    { work, who: OURS, figure: median(costs), unit: 'µs CPU of the node each' },
    { work, who: OURS, figure: p50, unit: `ms, median at ${perSecond} per second` },
    { work, who: OURS, figure: p99, unit: `ms, 99th percentile at ${perSecond} per second` },
  ]
  const goals: Goal[] = [
    atLeast(work, rate, store.perSecond, each),
    atMost(`${work}, 99th percentile at half of that`, p99, P99_MS, inMs),
  ]
  return { rows, goals }
}

export async function agent(context: Context): Promise<Outcome> {
  const redis = await startRedis({ appendonly: true })
  try {
    const lmdb = await measure(context, { name: 'LMDB', perSecond: 5_000 })
    const shared = await measure(context, { name: 'Redis', perSecond: 4_000, redisUrl: redis.url })
    return { rows: [...lmdb.rows, ...shared.rows], goals: [...lmdb.goals, ...shared.goals] }
  } finally {
    await redis.stop()
  }
}
