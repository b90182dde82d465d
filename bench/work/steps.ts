/** Where the time of an echo goes: raw uWebSockets.js, with one thing more at a time, up to this server. */
import { contestant, payloadOf, phoenix } from '../contestants.ts'
import { figureOf, inTurn, ratioOf } from '../measure.ts'
import type { Context, Outcome } from './context.ts'
import { echoCost, type Spoken } from './echo.ts'

const CONNECTIONS = 100
export const STEPS = 'echo, step by step'
const RAW = 'the bytes as they came'

export async function steps(context: Context): Promise<Outcome> {
  const server = await contestant('steps')
  const ours = await contestant('agent-channels')
  const topic = 'bench:{i}'
  const request = phoenix.push(topic, 'echo', payloadOf(40))
  const step = (path: string): Spoken => ({ server, path, request })
  const spoken = {
    [RAW]: step('/raw'),
    '+ from UTF-8 to text and back': step('/text'),
    '+ JSON.parse of the payload': step('/parse'),
    '+ JSON.stringify of the payload, the rest of the reply ready': step('/assemble'),
    'agent-channels': { server: ours, path: phoenix.v2, hello: phoenix.joined([topic]), request },
    'JSON.parse and JSON.stringify of the whole frame': step('/whole'),
  } satisfies Record<string, Spoken>
  type Step = keyof typeof spoken
  const names = Object.keys(spoken) as Step[]
  for (const group of names) {
    const { server, path, hello }: Spoken = spoken[group]
    const opening = { group, port: server.port, path, count: CONNECTIONS }
    await context.load.open({ ...opening, ...(hello && { hello }) })
  }
  const rounds = await inTurn(names, context.scale.rounds, (name) =>
    echoCost(context, name, spoken[name], true),
  )
  for (const name of names) await context.load.close(name)
  server.stop()
  ours.stop()
  return {
    rows: names.map((who) => ({
      work: STEPS,
      who,
      figure: figureOf(rounds, who),
      unit: 'µs CPU per message',
      ratio: ratioOf(rounds, who, RAW),
    })),
    goals: [],
  }
}
