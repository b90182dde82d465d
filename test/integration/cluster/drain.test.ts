import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { type Cluster, numberOf, startCluster } from '../../support/cluster.ts'
import { type Produced, produce } from '../../support/producer.ts'
import { RoamingOperator } from '../../support/roaming-operator.ts'
import { expectWhole, finish, more } from './checks.ts'

const CLIENTS = numberOf('FAULT_DRAIN_CLIENTS', 500)
/** Who shares a session: everybody hears of everybody, and of every operation. */
const SESSION_SIZE = 100
/** So many come at once, first of all. */
const ARRIVALS = 25
/** Between two operations of one operator: with more sessions, each has fewer. */
const PACE_MS = CLIENTS / 5
/** What DRAIN_MS is unless told. */
const DRAIN_MS = 20_000
/** For the last one to be back, with the machine busy. */
const RETURN_MS = 30_000 + CLIENTS * 10

/** Those of one session: all at the node that is to go, but for one who is elsewhere. */
interface Session {
  readonly leaving: readonly RoamingOperator[]
  readonly witness: RoamingOperator
}

/** How the return was spread, by halves of a second. */
function spread(times: readonly number[]): string {
  const counts = new Map<number, number>()
  for (const time of [...times].sort((a, b) => a - b)) {
    const half = Math.floor(time / 500) / 2
    counts.set(half, (counts.get(half) ?? 0) + 1)
  }
  return [...counts].map(([second, count]) => `${second} s: ${count}`).join(', ')
}

describe('a node that drains with many clients', function () {
  this.timeout(120_000 + 8 * RETURN_MS)
  let cluster: Cluster

  before(async () => {
    cluster = await startCluster(2)
  })
  after(() => cluster.stop())

  async function meet(urls: readonly string[]): Promise<readonly Session[]> {
    const [going = '', staying = ''] = urls
    const sessions = Array.from({ length: Math.ceil(CLIENTS / SESSION_SIZE) }, (_, at) => {
      const sessionId = `drained-${at}`
      const operator = (operatorId: string) =>
        new RoamingOperator(() => urls, { sessionId, operatorId })
      const count = Math.min(SESSION_SIZE, CLIENTS - at * SESSION_SIZE)
      const leaving = Array.from({ length: count }, (_each, n) => operator(`op${n}`))
      return { leaving, witness: operator('witness') }
    })
    await Promise.all(sessions.map(({ witness }) => witness.moveTo(staying)))
    const waiting = sessions.flatMap(({ leaving }) => leaving)
    const arrive = async () => {
      for (let next = waiting.pop(); next; next = waiting.pop()) await next.moveTo(going)
    }
    await Promise.all(Array.from({ length: ARRIVALS }, arrive))
    return sessions
  }

  it('loses nothing that it acknowledged, and all of them come back', async () => {
    const urls = cluster.urls()
    const [going] = cluster.nodes
    if (!going) throw new Error('no node is there')
    const sessions = await meet(urls)
    const leaving = sessions.flatMap((session) => session.leaving)
    const producers = sessions.flatMap(({ leaving: [operator], witness }) =>
      [operator ?? witness, witness].map((each) => produce(each, PACE_MS)),
    )
    await more(producers, 2, RETURN_MS)

    const startedAt = performance.now()
    const sinceStart = () => performance.now() - startedAt
    const returns = Promise.all(
      leaving.map((each) => each.welcomed(2, DRAIN_MS + RETURN_MS).then(sinceStart)),
    )
    const exit = await cluster.terminate(going)
    const tookMs = sinceStart()
    expect(exit).to.deep.equal({ code: 0, signal: null })
    expect(tookMs, 'the drain').to.be.below(DRAIN_MS)
    const times = await returns
    await more(producers, 2, RETURN_MS)

    const produced = await Promise.all(producers.map((producer) => producer.stop()))
    for (const [at, session] of sessions.entries()) {
      await expectNothingLost(session, produced.slice(2 * at, 2 * at + 2))
    }
    const operations = produced.flatMap(({ successes }) => successes).length
    console.log(
      `      ${CLIENTS} clients: drained in ${Math.round(tookMs)} ms, ${operations} operations; ` +
        `back at ${spread(times)}`,
    )
    for (const { closes, url, who } of leaving) {
      expect([closes, url], who.operatorId).to.deep.equal([[1012], urls[1]])
    }
  })

  async function expectNothingLost(
    { leaving, witness }: Session,
    produced: readonly Produced[],
  ): Promise<void> {
    const operators = [witness, ...leaving]
    const last = await finish(operators, RETURN_MS)
    const successes = produced.flatMap((each) => each.successes)
    expectWhole(operators, Number(last['seq']), [...successes, last])
    const failures = produced.flatMap((each) => each.failures)
    expect(failures.filter((failure) => failure !== 'lost')).to.deep.equal([])
    for (const { who } of leaving) await witness.seesLeave(who.operatorId)
    expect(witness.closes).to.deep.equal([])
  }
})
