import { expect } from 'chai'
import { type Payload, text } from '../../support/agent-client.ts'
import type { Cluster } from '../../support/cluster.ts'
import { numbers } from '../../support/numbers.ts'
import type { Operator } from '../../support/operator.ts'
import { type Produced, type Producer, produce } from '../../support/producer.ts'
import { RoamingOperator } from '../../support/roaming-operator.ts'

/**
 * Contract 9: each operator has every event since it came first, up to `last`, once and in order; and what was
 * answered with success is among them, with the payload of the answer.
 */
export function expectWhole(
  operators: readonly Operator[],
  last: number,
  successes: readonly Payload[],
): void {
  for (const operator of operators) {
    const first = Number(operator.welcomes[0]?.['seq'])
    const { seqs, who } = operator
    expect(seqs, `what ${who.operatorId} got`).to.deep.equal(numbers(first + 1, last))
    const bySeq = new Map(operator.events.map(({ seq, payload }) => [seq, payload]))
    for (const success of successes) {
      if (Number(success['seq']) <= first) continue
      expect(bySeq.get(success['seq'])).to.deep.equal(success)
    }
  }
}

/** Everybody is done: one last operation, that everybody gets. Returns its answer. */
export async function finish(operators: readonly Operator[], timeoutMs?: number): Promise<Payload> {
  const [first] = operators
  if (!first) throw new Error('nobody is there')
  const client = await first.client()
  const last = await client.modifyQuery('customers', { limit: 7 })
  expect(last.status, JSON.stringify(last.response)).to.equal('ok')
  const id = text(last.response, 'modificationId')
  await Promise.all(operators.map((operator) => operator.received(id, timeoutMs)))
  return last.response
}

/** One line: what was sent, and what came of it. */
export function report(
  what: string,
  operators: readonly Operator[],
  produced: readonly Produced[],
): void {
  const sent = produced.flatMap(({ successes }) => successes).length
  const failures = new Map<string, number>()
  for (const code of produced.flatMap((each) => each.failures)) {
    failures.set(code, (failures.get(code) ?? 0) + 1)
  }
  const unanswered = [...failures].map(([code, count]) => `, ${count} ${code}`).join('')
  const received = operators.map(({ events }) => events.length)
  const connections = operators.reduce((sum, { welcomes }) => sum + welcomes.length, 0)
  console.log(
    `      ${what}: ${sent} operations succeeded${unanswered}; events received: ` +
      `${received.join(' + ')} by ${operators.length} operators on ${connections} connections`,
  )
}

/** Resolves when so many more operations of each have succeeded. */
export const more = (producers: readonly Producer[], count: number, timeoutMs?: number) =>
  Promise.all(producers.map((producer) => producer.more(count, timeoutMs)))

/** Ends the work, says so in a line, and sees that nobody missed anything. Returns what failed. */
export async function expectNothingMissed(
  what: string,
  operators: readonly Operator[],
  producers: readonly Producer[],
): Promise<readonly string[]> {
  const produced = await Promise.all(producers.map((producer) => producer.stop()))
  const last = await finish(operators)
  report(what, operators, produced)
  const successes = produced.flatMap((each) => each.successes)
  expectWhole(operators, Number(last['seq']), [...successes, last])
  return produced.flatMap((each) => each.failures)
}

/**
 * Operators of one session, in turns at the nodes, and two of them, at the first node and at the second,
 * that work. Everybody sees everybody.
 */
export async function meet(
  cluster: Cluster,
  sessionId: string,
  count: number,
  { paceMs }: { readonly paceMs?: number } = {},
) {
  const urls = cluster.urls()
  const operators = Array.from(
    { length: count },
    (_, at) => new RoamingOperator(cluster.urls, { sessionId, operatorId: `op${at}` }),
  )
  await Promise.all(operators.map((each, at) => each.moveTo(urls[at % urls.length] ?? '')))
  const names = operators.map(({ who }) => who.operatorId)
  await Promise.all(operators.map((each) => Promise.all(names.map((name) => each.sees(name)))))
  const producers = operators.slice(0, 2).map((operator) => produce(operator, paceMs))
  return { operators, producers }
}
