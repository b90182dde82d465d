import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import {
  type AgentClient,
  ok,
  phoenixAgent,
  rawAgent,
  refusalOf,
  text,
} from '../../support/agent-client.ts'
import {
  type AgentServer,
  COMMANDS,
  startAgentServer,
  stopAgentServers,
} from '../../support/agent-server.ts'
import { epochOf } from './announcing.ts'
import { drafted, propose, records, result } from './drafts.ts'

const SESSION = 's1'
const MARK = 'known-to-the-other-business-alone'

/** Businesses that a careless key, topic or comparison would take for one another. */
const PAIRS: readonly (readonly [string, string])[] = [
  ['business1', 'business2'],
  ['a/b', 'a%2Fb'],
  ['a', 'a/'],
  ['a/s1', 'a/s1/s1'],
  ['%', '%25'],
  ['b', 'B'],
  ['c', 'c '],
  ['d e', 'd+e'],
  ['.', '..'],
  ['..%2f', '../'],
  ['e\u0000', 'e'],
  ['e\u0000a', 'e\u0000b'],
  ['*', 'agent:*'],
  ['__proto__', 'constructor'],
  ['ș', 's\u0326'],
  ['ﬁ', 'fi'],
  ['\u{1F600}', '\u{1F601}'],
  [`${'x'.repeat(255)}y`, 'x'.repeat(256)],
  ['ș'.repeat(128), `${'ș'.repeat(127)}Ș`],
  ['\u{1F600}'.repeat(64), `${'\u{1F600}'.repeat(63)}\u{1F601}`],
  ['business:s1', 'business'],
  ["~!*'()", '%7E%21%2A%27%28%29'],
]

/** An id in the title of a test; of a long one the end. */
const shown = (id: string) => JSON.stringify(id.length > 20 ? `…${id.slice(-8)}` : id)

interface Traces {
  readonly modificationId: string
  readonly pendingId: string
  readonly approvedId: string
}

/** Leaves something of every kind in the session and in the records of the business. */
async function leaveTraces(agent: AgentClient): Promise<Traces> {
  const filter = [{ field: 'name', operation: 'filter', value: MARK }]
  const modified = ok(await agent.queryModify('services', filter))
  const data = { name: MARK }
  const approvedId = text(await drafted(agent, 'create', { recordId: MARK, data }), 'changeId')
  ok(await agent.approve(approvedId))
  const pendingId = text(await drafted(agent, 'update', { recordId: 'srv_1', data }), 'changeId')
  ok(await agent.execute('announce', { value: MARK }))
  return { modificationId: text(modified, 'modificationId'), pendingId, approvedId }
}

/** The answers to every question that could tell of what another business did. */
async function questions(agent: AgentClient, traces: Traces): Promise<object> {
  const { modificationId, pendingId, approvedId } = traces
  const { operatorId, timestamp, commandId, ...found } = ok(
    await agent.execute('run_query', { repositoryType: 'services' }),
  )
  const replies = [
    await agent.revert(modificationId),
    await agent.approve(pendingId),
    await agent.reject(pendingId),
    await agent.approve(approvedId),
    await agent.execute('get_change', { changeId: pendingId }),
    await agent.execute('get_change', { changeId: approvedId }),
    await propose(agent, 'delete', { recordId: MARK }),
  ].map(({ status, response: { commandId: _, ...response } }) => ({ status, ...response }))
  return {
    found,
    history: ok(await agent.history())['history'],
    before: ok(await agent.history({ before: modificationId }))['history'],
    changes: await result(agent, 'list_changes'),
    after: await result(agent, 'list_changes', { after: approvedId }),
    replies,
  }
}

const MADE_UP: Traces = { modificationId: 'mod_1_a', pendingId: 'chg_1_a', approvedId: 'chg_1_b' }

describe('two businesses with the same session id', () => {
  let server: AgentServer
  before(async () => {
    server = await startAgentServer({ commands: COMMANDS })
  })
  after(stopAgentServers)

  for (const [one, two] of PAIRS) {
    it(`know nothing of each other: ${shown(one)} and ${shown(two)}`, async () => {
      const owner = await rawAgent(server, { businessId: one, sessionId: SESSION })
      const before = await phoenixAgent(server, { businessId: two, sessionId: SESSION })
      const traces = await leaveTraces(owner)
      const epoch = await epochOf(owner)
      const late = await rawAgent(
        server,
        { businessId: two, sessionId: SESSION },
        { authenticated: false },
      )
      const back = ok(await late.authenticate({ lastSeq: 0, epoch }))
      expect(back).to.deep.include({ seq: 0, recovered: false }).and.not.include({ epoch })

      // What exists elsewhere is answered exactly as what exists nowhere.
      const asked = await questions(late, traces)
      expect(asked).to.deep.equal(await questions(late, MADE_UP))
      expect(asked).to.deep.include({ history: [], changes: { changes: [], next: null } })
      await before.fence()
      expect([...before.seqs, ...late.seqs]).to.deep.equal([])
      for (const seen of [before, late]) {
        const bytes = JSON.stringify(seen.everything)
        for (const trace of [MARK, ...Object.values(traces), String(epoch)]) {
          expect(bytes).to.not.include(trace)
        }
      }

      // And what they do themselves is theirs.
      ok(await late.modifyQuery('services', { limit: 1 }))
      await before.received(1)
      await owner.fence()
      expect(owner.seqs).to.deep.equal([1, 2, 3, 4, 5, 6, 7])
      for (const each of [owner, before, late]) each.cut()
    })
  }

  it('keep their records apart where the ids of the records are the same', async () => {
    const [owner, other] = [
      await rawAgent(server, { businessId: 'records 1' }),
      await rawAgent(server, { businessId: 'records 2' }),
    ]
    const rename = (agent: AgentClient, name: string) =>
      drafted(agent, 'update', { recordId: 'srv_1', data: { name } })
    const [mine, theirs] = [await rename(owner, 'mine'), await rename(other, 'theirs')]
    ok(await owner.approve(mine['changeId']))
    // Not a conflict: nobody touched that record.
    ok(await other.approve(theirs['changeId']))
    const names = async (agent: AgentClient) =>
      Object.values(await records(agent)).map(({ name }) => name)
    expect(await names(owner)).to.deep.equal(['mine', 'Control', 'Tratament'])
    expect(await names(other)).to.deep.equal(['theirs', 'Control', 'Tratament'])
  })

  it('cannot be mixed up by whom a request names', async () => {
    const agent = await rawAgent(server, { businessId: 'business1' })
    const { sessionId } = agent.who
    const asOther = { sessionId, payload: { sessionId, businessId: 'business2', changeId: 'c' } }
    expect(refusalOf(await agent.request('agent_approve_changes', asOther))).to.equal(
      'session_mismatch',
    )
  })
})

describe('two sessions of one business', () => {
  after(stopAgentServers)

  const SESSIONS = ['s', 's.', 's:', 's-', 's_', 'S', 's1', '__proto__', '..']

  it('share records, and nothing else', async () => {
    const server = await startAgentServer({ commands: COMMANDS })
    const owner = await rawAgent(server, { sessionId: 'owner' })
    const agents = await Promise.all(SESSIONS.map((sessionId) => rawAgent(server, { sessionId })))
    const traces = await leaveTraces(owner)
    for (const agent of agents) {
      await agent.fence()
      expect(agent.seqs).to.deep.equal([])
      expect(ok(await agent.history())['history']).to.deep.equal([])
      expect(refusalOf(await agent.approve(traces.pendingId))).to.equal('unknown_change')
      expect(refusalOf(await agent.revert(traces.modificationId))).to.equal('unknown_modification')
      expect(Object.keys(await records(agent))).to.have.length(4)
    }
  })
})
