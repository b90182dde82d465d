import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { CLIENTS, nested, rawAgent, WHO } from '../../support/agent-client.ts'
import { type AgentServer, startAgentServer, stopAgentServers } from '../../support/agent-server.ts'

describe('what one operator may ask', () => {
  let server: AgentServer
  let clock = 0
  let refused = 0

  beforeEach(async () => {
    clock = 1_700_000_000_000
    refused = 0
    server = await startAgentServer({
      now: () => clock,
      operationsPerOperator: { perSecond: 10, burst: 5 },
      onRateLimited: () => {
        refused += 1
      },
    })
  })
  afterEach(stopAgentServers)

  for (const { name, connect } of CLIENTS) {
    it(`is limited: what is too much is answered rate_limited, and counted (${name})`, async () => {
      // To authenticate was the first.
      const agent = await connect(server)
      const history = () => agent.request('agent_query_history', { sessionId: WHO.sessionId })
      for (let n = 0; n < 4; n += 1) expect((await history()).status).to.equal('ok')
      const { status, response } = await history()
      expect([status, response['code']]).to.deep.equal(['error', 'rate_limited'])
      expect(await agent.event('agent_history_error')).to.deep.equal(response)
      expect(refused).to.equal(1)
      clock += 100
      expect((await history()).status).to.equal('ok')
    })
  }

  it('is the same on all its sockets and sessions, and nothing to other operators', async () => {
    const first = await rawAgent(server, { sessionId: 's1' })
    const second = await rawAgent(server, { sessionId: 's2' })
    const history = (agent: typeof first) =>
      agent.request('agent_query_history', { sessionId: agent.who.sessionId })
    for (const agent of [first, second, first]) {
      expect((await history(agent)).status).to.equal('ok')
    }
    expect((await history(second)).response).to.include({ code: 'rate_limited' })
    for (const other of [{ operatorId: 'op2' }, { businessId: 'b2' }]) {
      expect((await history(await rawAgent(server, other))).status).to.equal('ok')
    }
    expect(refused).to.equal(1)
  })

  it('includes to authenticate; what is malformed, or not allowed, is answered as ever', async () => {
    const agent = await rawAgent(server, { permissions: ['agent_access'] })
    const authenticate = (permissions: readonly string[]) =>
      agent.request(
        'agent_authenticate',
        nested(agent.who, { operatorId: WHO.operatorId, permissions }),
      )
    for (let n = 0; n < 4; n += 1) {
      expect((await authenticate(['agent_access'])).status).to.equal('ok')
    }
    expect((await authenticate(['agent_access'])).response).to.include({ code: 'rate_limited' })
    expect((await authenticate(['nonsense'])).response).to.include({ code: 'invalid_payload' })
    const history = await agent.request('agent_query_history', { sessionId: WHO.sessionId })
    expect(history.response).to.include({ code: 'permission_denied' })
    expect(refused).to.equal(1)
  })
})
