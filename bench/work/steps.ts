/** Where the time of an echo goes: raw uWebSockets.js, with one thing more at a time, up to this server. */
import { contestant, payloadOf, phoenix } from '../contestants.ts'
import { figureOf, inTurn, ratioOf } from '../measure.ts'
import type { Context, Outcome } from './context.ts'
import { echoCost, type Spoken } from './echo.ts'

const CONNECTIONS = 100
export const STEPS = 'echo, step by step'
export const RAW = 'the bytes as they came'
export const ASSEMBLED = '+ JSON.stringify of the payload, the rest of the reply ready'
export const OURS = 'agent-channels'

/** Opens connections to each; `flags` are those of Node for both servers. */
export async function openSteps(context: Context, flags: readonly string[] = []) {
  const server = await contestant('steps', { flags })
  const ours = await contestant('agent-channels', { flags })
  const topic = 'bench:{i}'
  const request = phoenix.push(topic, 'echo', payloadOf(40))
  const step = (path: string): Spoken => ({ server, path, request })
  const steps = {
    [RAW]: step('/raw'),
    '+ from UTF-8 to text and back': step('/text'),
    '+ JSON.parse of the payload': step('/parse'),
    [ASSEMBLED]: step('/assemble'),
    [OURS]: { server: ours, path: phoenix.v2, hello: phoenix.joined([topic]), request },
    'JSON.parse and JSON.stringify of the whole frame': step('/whole'),
  } satisfies Record<string, Spoken>
  for (const [group, { server: at, path, hello }] of Object.entries<Spoken>(steps)) {
    const opening = { group, port: at.port, path, count: CONNECTIONS }
    await context.load.open({ ...opening, ...(hello && { hello }) })
  }
  const close = async () => {
    for (const name of Object.keys(steps)) await context.load.close(name)
    server.stop()
    ours.stop()
  }
  return { steps, close }
}

export async function steps(context: Context): Promise<Outcome> {
  const { steps: spoken, close } = await openSteps(context)
  const names = Object.keys(spoken) as (keyof typeof spoken)[]
  const rounds = await inTurn(names, context.scale.rounds, (name) =>
    echoCost(context, name, spoken[name], true),
  )
  await close()
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
