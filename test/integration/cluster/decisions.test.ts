import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { type AgentClient, ok, outcome, type Payload } from '../../support/agent-client.ts'
import { type Cluster, numberOf, startCluster } from '../../support/cluster.ts'
import { RoamingOperator } from '../../support/roaming-operator.ts'
import { propose, result } from '../agent/drafts.ts'
import { expectWhole, finish, report } from './checks.ts'

const CHANGES = numberOf('FAULT_CHANGES', 200)
/** Decided at once; less than a socket may have commands running. */
const BATCH = 20

describe('one change, decided on two nodes at once', function () {
  this.timeout(60_000 + CHANGES * 100)
  let cluster: Cluster

  before(async () => {
    cluster = await startCluster(2)
  })
  after(() => cluster.stop())

  async function draft(client: AgentClient, id: string) {
    const drafted = ok(await propose(client, 'create', { data: { id } }))
    return { drafted, changeId: (drafted['result'] as Payload)['changeId'] }
  }

  it('is decided exactly once, and the other one is told so', async () => {
    const operators = ['ann', 'bob'].map(
      (operatorId) => new RoamingOperator(cluster.urls, { sessionId: 'decisions', operatorId }),
    )
    for (const [at, url] of cluster.urls().entries()) await operators[at]?.moveTo(url)
    const clients = await Promise.all(operators.map((operator) => operator.client()))
    const [ann, bob] = clients as [(typeof clients)[0], (typeof clients)[0]]
    const successes: Payload[] = []
    let approvals = 0
    for (let first = 0; first < CHANGES; first += BATCH) {
      const numbers = Array.from(
        { length: Math.min(BATCH, CHANGES - first) },
        (_, at) => first + at,
      )
      const drafts = await Promise.all(numbers.map((number) => draft(ann, `record-${number}`)))
      // Each approves what the other rejects, in the same order: who is ahead changes.
      const decisions = drafts.map(({ changeId }, at) =>
        at % 2 === 0
          ? [ann.approve(changeId), bob.reject(changeId)]
          : [bob.approve(changeId), ann.reject(changeId)],
      )
      for (const pair of decisions) {
        const replies = await Promise.all(pair)
        expect(replies.map(outcome)).to.have.members(['ok', 'already_decided'])
        successes.push(
          ...replies.filter(({ status }) => status === 'ok').map(({ response }) => response),
        )
        if (replies[0]?.status === 'ok') approvals += 1
      }
      successes.push(...drafts.map(({ drafted }) => drafted))
    }
    const last = await finish(operators)
    report(`${CHANGES} changes, ${approvals} approved`, operators, [{ successes, failures: [] }])
    expectWhole(operators, Number(last['seq']), [...successes, last])
    for (const { events } of operators) {
      const decisions = events.filter(({ event }) => /_(approved|rejected)$/.test(String(event)))
      const ids = decisions.map(({ payload }) => payload['changeId'])
      expect(ids).to.have.lengthOf(CHANGES)
      expect(new Set(ids).size).to.equal(CHANGES)
    }
    const modification = [{ field: 'limit', operation: 'modify', value: 1 }]
    ok(await ann.queryModify('services', modification))
    const { total } = await result(ann, 'run_query', { repositoryType: 'services' })
    expect(total, 'the seeded ones and the approved').to.equal(3 + approvals)
    for (const operator of operators) operator.leave()
  })
})
