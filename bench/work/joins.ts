/** Joining a topic and leaving it again: 50 connections, each always at it. */
import { contestant, phoenix } from '../contestants.ts'
import { median } from '../measure.ts'
import { atLeast, atMost, type Context, cpuWhile, type Outcome } from './context.ts'

const CONNECTIONS = 50
const OUTSTANDING = 4
/** The join's reply, the leave's reply, and `phx_close`. */
const ANSWERS = 3
const OURS = 'agent-channels'

export async function joins({ load, scale }: Context): Promise<Outcome> {
  const ours = await contestant(OURS)
  await load.open({ group: OURS, port: ours.port, path: phoenix.v2, count: CONNECTIONS })
  const topic = 'bench:{i}'
  const pair = [
    phoenix.push(topic, 'phx_join', '{}', '1'),
    phoenix.push(topic, 'phx_leave', '{}', '2'),
  ]
  const costs: number[] = []
  const rates: number[] = []
  for (let round = 0; round <= scale.rounds; round += 1) {
    const pumping = { send: [pair], outstanding: OUTSTANDING, answers: ANSWERS, inOneWrite: true }
    const { micros, result } = await cpuWhile([ours.pid], () =>
      load.pump({ group: OURS, ...pumping, ms: scale.turnMs }),
    )
    if (round === 0) continue
    costs.push(micros / result.requests / 2)
    rates.push((result.requests * 1_000) / result.ms)
  }
  await load.close(OURS)
  ours.stop()
  const [cost, rate] = [median(costs), median(rates)]
  const work = 'join and leave'
  const micros = (value: number) => `${value.toFixed(1)} µs`
  const perSecond = (value: number) => `${Math.round(value).toLocaleString('en')} per second`
  return {
    rows: [
      { work, who: OURS, figure: cost, unit: 'µs CPU each' },
      { work, who: OURS, figure: rate, unit: 'joins per second, each with its leave' },
    ],
    goals: [
      atMost('join, and leave: CPU of each', cost, 12, micros),
      atLeast('joins, each with its leave', rate, 10_000, perSecond),
    ],
  }
}
