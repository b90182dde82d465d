/** How long the event loop keeps others waiting while echoes take half of the processor. */
import { contestant, payloadOf, phoenix } from '../contestants.ts'
import { atMost, type Context, cpuWhile, type Outcome } from './context.ts'
import { echoCost } from './echo.ts'

const CONNECTIONS = 100
const SHARE = 0.5
const P999_MS = 10
const OURS = 'agent-channels'

export async function loop(context: Context): Promise<Outcome> {
  const { load, scale } = context
  const server = await contestant(OURS)
  const topic = 'bench:{i}'
  const spoken = {
    server,
    path: phoenix.v2,
    hello: phoenix.joined([topic]),
    request: phoenix.push(topic, 'echo', payloadOf(40)),
  }
  const { path, hello, request } = spoken
  await load.open({ group: OURS, port: server.port, path, hello, count: CONNECTIONS })
  await echoCost(context, OURS, spoken)
  // Paced messages come one by one and cost more than those of a full load: the rate is found in two steps.
  let perSecond = (SHARE * 1e6) / (await echoCost(context, OURS, spoken))
  const pace = () => load.pace({ group: OURS, send: request, perSecond, ms: scale.turnMs })
  const used = async () => (await cpuWhile([server.pid], pace)).micros / (scale.turnMs * 1_000)
  perSecond *= Math.min(1, SHARE / (await used()))
  await server.child.call('watchLoop')
  const share = await used()
  const delay = await server.child.call<number>('loopDelay')
  await load.close(OURS)
  server.stop()
  const work = `event loop at ${Math.round(share * 100)} % CPU, ${Math.round(perSecond)} echoes a second`
  return {
    rows: [{ work, who: OURS, figure: delay, unit: 'ms, 99.9th percentile of its delay' }],
    goals: [
      atMost(
        'event loop under echoes at half CPU, 99.9th percentile',
        delay,
        P999_MS,
        (value) => `${value.toFixed(1)} ms`,
      ),
    ],
  }
}
