import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { ok } from '../../support/agent-client.ts'
import { type Cluster, startCluster } from '../../support/cluster.ts'
import { produce } from '../../support/producer.ts'
import { RoamingOperator } from '../../support/roaming-operator.ts'
import { propose, records } from '../agent/drafts.ts'
import { expectNothingMissed, expectWhole, finish, more } from './checks.ts'

const EVENTS = 100

describe('one session on two nodes', function () {
  this.timeout(60_000)
  let cluster: Cluster

  before(async () => {
    cluster = await startCluster(2)
  })
  after(() => cluster.stop())

  /** Operators of one session, each at a node of its own. */
  async function operatorsOf(sessionId: string): Promise<readonly RoamingOperator[]> {
    const operators = cluster.nodes.map(
      (_, at) => new RoamingOperator(cluster.urls, { sessionId, operatorId: `op${at}` }),
    )
    for (const [at, url] of cluster.urls().entries()) await operators[at]?.moveTo(url)
    return operators
  }

  it('both operators get the events of both, once and in order, the own ones after the reply', async () => {
    const operators = await operatorsOf('both')
    const producers = operators.map((operator) => produce(operator, 1))
    await more(producers, EVENTS)
    const done = 'two operators on two nodes'
    expect(await expectNothingMissed(done, operators, producers)).to.deep.equal([])
    for (const [at, operator] of operators.entries()) {
      const { log } = await operator.client()
      for (const { seq } of producers[at]?.successes ?? []) {
        const places = log.flatMap(({ event, payload }, place) => {
          const { response } = payload as { readonly response?: { readonly seq?: unknown } }
          const isReply = event === 'phx_reply' && response?.seq === seq
          return isReply || (payload as { readonly seq?: unknown }).seq === seq ? [place] : []
        })
        expect(places.map((place) => log[place]?.event)).to.deep.equal([
          'phx_reply',
          'agent_query_modified',
        ])
      }
    }
    for (const operator of operators) operator.leave()
  })

  it('each sees the other come and go', async () => {
    const [ann, bob] = (await operatorsOf('presence')) as [RoamingOperator, RoamingOperator]
    await Promise.all([ann.sees('op1'), bob.sees('op0')])
    bob.leave()
    await ann.seesLeave('op1')
    ann.leave()
  })

  it('what one drafts on a node, the other approves on another, and finds in the records', async () => {
    const [ann, bob] = (await operatorsOf('drafts')) as [RoamingOperator, RoamingOperator]
    const drafted = ok(await propose(await ann.client(), 'create', { data: { id: 'shared' } }))
    const { changeId } = drafted['result'] as { readonly changeId: string }
    const client = await bob.client()
    const approved = ok(await client.approve(changeId))
    expect(approved['change']).to.include({ status: 'approved', author: 'op0' })
    expect(await records(client)).to.have.property('shared')
    const last = await finish([ann, bob])
    expectWhole([ann, bob], Number(last['seq']), [drafted, approved, last])
    for (const operator of [ann, bob]) operator.leave()
  })
})
