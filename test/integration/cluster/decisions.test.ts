import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { ok, outcome, type Payload } from '../../support/agent-client.ts'
import { type Cluster, numberOf, startCluster } from '../../support/cluster.ts'
import { RoamingOperator } from '../../support/roaming-operator.ts'
import { expectWhole, finish, report } from './checks.ts'

const CHANGES = numberOf('FAULT_CHANGES', 200)

describe('one change, decided on two nodes at once', function () {
  this.timeout(60_000 + CHANGES * 100)
  let cluster: Cluster

  before(async () => {
    cluster = await startCluster(2)
  })
  after(() => cluster.stop())

  it('is decided exactly once, and the other one is told so', async () => {
    const operators = ['ann', 'bob'].map(
      (operatorId) => new RoamingOperator(cluster.urls, { sessionId: 'decisions', operatorId }),
    )
    for (const [at, url] of cluster.urls().entries()) await operators[at]?.moveTo(url)
    const clients = await Promise.all(operators.map((operator) => operator.client()))
    const [ann, bob] = clients as [(typeof clients)[0], (typeof clients)[0]]
    const successes: Payload[] = []
    let approved = 0
    for (let index = 0; index < CHANGES; index += 1) {
      const draft = { repositoryType: 'services', operation: 'create', data: { id: `r${index}` } }
      const drafted = ok(await ann.execute('create_draft', draft))
      const { changeId } = drafted['result'] as { readonly changeId: string }
      // Whose request leaves first takes turns.
      const [approving, rejecting] = index % 2 === 0 ? [ann, bob] : [bob, ann]
      const asks = [() => approving.approve(changeId), () => rejecting.reject(changeId)]
      const order = index % 4 < 2 ? asks : [...asks].reverse()
      const replies = await Promise.all(order.map((ask) => ask()))
      expect(replies.map(outcome)).to.have.members(['ok', 'already_decided'])
      const decided = replies
        .filter(({ status }) => status === 'ok')
        .map(({ response }) => response)
      approved += decided.filter(
        ({ change }) => (change as Payload)['status'] === 'approved',
      ).length
      successes.push(drafted, ...decided)
    }
    const last = await finish(operators)
    report(`${CHANGES} changes, ${approved} approved`, operators, [{ successes, failures: [] }])
    expectWhole(operators, Number(last['seq']), [...successes, last])
    for (const { events } of operators) {
      const decisions = events.filter(({ event }) => /_(approved|rejected)$/.test(String(event)))
      const ids = decisions.map(({ payload }) => payload['changeId'])
      expect(ids).to.have.lengthOf(CHANGES)
      expect(new Set(ids).size).to.equal(CHANGES)
    }
    const modification = [{ field: 'limit', operation: 'modify', value: 1 }]
    ok(await ann.queryModify('services', modification))
    const found = ok(await ann.execute('run_query', { repositoryType: 'services' }))
    const { total } = found['result'] as { readonly total: number }
    expect(total, 'the seeded ones and the approved').to.equal(3 + approved)
    for (const operator of operators) operator.leave()
  })
})
