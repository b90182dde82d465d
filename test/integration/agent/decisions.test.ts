import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import {
  type AgentClient,
  ok,
  outcome,
  type Payload,
  phoenixAgent,
  type Reply,
  rawAgent,
  refusalOf,
} from '../../support/agent-client.ts'
import { startAgentServer, stopAgentServers } from '../../support/agent-server.ts'
import { change, drafted, draftPrice, listed, records, SERVICE } from './drafts.ts'

const DAY_MS = 86_400_000

/** How requests ended, sorted. */
const outcomes = (replies: readonly Reply[]) => replies.map(outcome).sort()

describe('a change whose record has moved on', () => {
  afterEach(stopAgentServers)

  /** Changes nothing, stays pending, and can still be rejected. */
  async function expectConflict(agent: AgentClient, changeId: unknown): Promise<void> {
    const before = await records(agent)
    expect(refusalOf(await agent.approve(changeId))).to.equal('change_conflict')
    expect(await records(agent)).to.deep.equal(before)
    expect(await change(agent, changeId)).to.include({ status: 'pending' })
    ok(await agent.reject(changeId))
  }

  it('is in conflict after an update, a delete, or a create of the same id', async () => {
    const agent = await rawAgent(await startAgentServer())
    const of = async (operation: string, recordId: string, data?: object) =>
      (await drafted(agent, operation, { recordId, ...(data && { data }) }))['changeId']
    const stale = [
      await of('update', 'srv_1', { price: 2 }),
      await of('delete', 'srv_1'),
      await of('update', 'srv_2', { price: 2 }),
      await of('delete', 'srv_2'),
      await of('create', 'srv_4', { price: 2 }),
    ]
    for (const winner of [
      await of('update', 'srv_1', { price: 1 }),
      await of('delete', 'srv_2'),
      await of('create', 'srv_4', { price: 1 }),
    ]) {
      ok(await agent.approve(winner))
    }
    for (const changeId of stale) await expectConflict(agent, changeId)
  })

  it('is in conflict also where the record is as it was, but another', async () => {
    const agent = await rawAgent(await startAgentServer())
    const stale = await draftPrice(agent, 2)
    const gone = await drafted(agent, 'delete', { recordId: 'srv_1' })
    ok(await agent.approve(gone['changeId']))
    const { id, ...data } = SERVICE
    const again = await drafted(agent, 'create', { recordId: id, data })
    ok(await agent.approve(again['changeId']))
    expect((await records(agent))['srv_1']).to.deep.equal(SERVICE)
    await expectConflict(agent, stale)
  })

  it('is in conflict where another session was first, also at the same time', async () => {
    const server = await startAgentServer()
    const agents = await Promise.all(
      ['one', 'two', 'three', 'four'].map((sessionId) => rawAgent(server, { sessionId })),
    )
    const changes = await Promise.all(agents.map((agent, index) => draftPrice(agent, index)))
    const replies = await Promise.all(agents.map((agent, index) => agent.approve(changes[index])))
    const winner = replies.findIndex(({ status }) => status === 'ok')
    expect(outcomes(replies)).to.deep.equal([
      'change_conflict',
      'change_conflict',
      'change_conflict',
      'ok',
    ])
    const [agent] = agents
    if (agent) expect((await records(agent))['srv_1']).to.deep.include({ price: winner })
  })
})

describe('of any number of decisions on one change', () => {
  afterEach(stopAgentServers)

  for (const round of [1, 2, 3]) {
    it(`exactly one takes effect (${round})`, async () => {
      const server = await startAgentServer()
      const agents = await Promise.all(
        [rawAgent, phoenixAgent, rawAgent, phoenixAgent, rawAgent].map((connect, index) =>
          connect(server, { operatorId: `operator ${index}` }),
        ),
      )
      const [first] = agents
      if (!first) throw new Error('nobody')
      const changeId = await draftPrice(first, 1)
      const replies = await Promise.all(
        Array.from({ length: 50 }, (_, index) => {
          const agent = agents[(index * round) % agents.length] ?? first
          return index % 2 === 0 ? agent.approve(changeId) : agent.reject(changeId)
        }),
      )
      const winners = replies.filter(({ status }) => status === 'ok')
      expect(winners).to.have.length(1)
      expect(outcomes(replies).slice(0, 49)).to.deep.equal(Array(49).fill('already_decided'))

      const decided = winners[0]?.response['change'] as Payload
      expect(await change(first, changeId)).to.deep.equal(decided)
      const price = decided['status'] === 'approved' ? 1 : 150
      expect((await records(first))['srv_1']).to.deep.include({ price })
      for (const agent of agents) {
        await agent.received(3)
        await agent.fence()
        expect(agent.numbered[2]).to.deep.equal(winners[0]?.response)
        expect(agent.seqs).to.deep.equal([1, 2, 3])
      }
    })
  }
})

describe('a change that nobody decides', () => {
  afterEach(stopAgentServers)

  it('can be decided for a day, and then has expired', async () => {
    let now = Date.parse('2026-03-01T12:00:00Z')
    const agent = await rawAgent(await startAgentServer({ now: () => now }))
    const [one, two, three] = [
      await draftPrice(agent, 1),
      await draftPrice(agent, 2),
      await draftPrice(agent, 3),
    ]
    now += DAY_MS - 1
    ok(await agent.approve(one))
    now += 1
    expect(refusalOf(await agent.approve(two))).to.equal('change_expired')
    expect(refusalOf(await agent.reject(three))).to.equal('change_expired')
    expect(await change(agent, two)).to.include({
      status: 'expired',
      createdAt: '2026-03-01T12:00:00.000Z',
      expiresAt: '2026-03-02T12:00:00.000Z',
    })
    expect(await listed(agent, 'expired')).to.deep.equal([two, three])
  })
})
