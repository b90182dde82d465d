import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { CLIENTS, ok, type Payload } from '../../support/agent-client.ts'
import { type AgentServer, startAgentServer, stopAgentServers } from '../../support/agent-server.ts'

/** Who is there, by what a `presence_state` or one side of a diff says. */
const people = (presences: unknown) => Object.keys(presences as Payload).sort()

describe('the presence of an agent session', () => {
  let server: AgentServer

  beforeEach(async () => {
    server = await startAgentServer()
  })

  afterEach(stopAgentServers)

  for (const { name, connect } of CLIENTS) {
    it(`tells each operator who is there, and who comes and goes (${name})`, async () => {
      const first = await connect(server, { operatorId: 'op1', permissions: ['agent_access'] })
      const state = await first.event('presence_state')
      expect(people(state)).to.deep.equal(['op1'])
      const { metas } = state['op1'] as { readonly metas: readonly Payload[] }
      expect(metas).to.have.lengthOf(1)
      expect(metas[0]).to.include.keys('phx_ref', 'online_at')
      expect(metas[0]?.['permissions']).to.have.members(['session.open', 'command.execute'])

      const second = await connect(server, { operatorId: 'op2' })
      expect(people(await second.event('presence_state'))).to.deep.equal(['op1', 'op2'])
      await first.event('presence_diff', ({ joins }) => people(joins).includes('op2'))
      second.cut()
      await first.event('presence_diff', ({ leaves }) => people(leaves).includes('op2'))
    })

    it(`shows one operator once for each socket (${name})`, async () => {
      await connect(server, { operatorId: 'op1' })
      const again = await connect(server, { operatorId: 'op1' })
      const { op1 } = await again.event('presence_state')
      expect((op1 as { readonly metas: readonly unknown[] }).metas).to.have.lengthOf(2)
    })

    it(`shows who a socket is since it authenticated last (${name})`, async () => {
      const watcher = await connect(server, { operatorId: 'watcher' })
      const client = await connect(server, { operatorId: 'op1' })
      ok(await client.authenticate({ operatorId: 'op2' }))
      await watcher.event('presence_diff', ({ leaves }) => people(leaves).includes('op1'))
      const late = await connect(server, { operatorId: 'late' })
      expect(people(await late.event('presence_state'))).to.deep.equal(['late', 'op2', 'watcher'])
    })

    it(`is nobody's who has not authenticated (${name})`, async () => {
      const joined = await connect(server, {}, { authenticated: false })
      const watcher = await connect(server, { operatorId: 'op1' })
      expect(people(await watcher.event('presence_state'))).to.deep.equal(['op1'])
      await joined.fence()
      expect(joined.everything.map(({ event }) => event)).to.not.include('presence_diff')
    })

    it(`is not of another business with the same session id (${name})`, async () => {
      const ours = await connect(server, { businessId: 'ours', operatorId: 'op1' })
      const theirs = await connect(server, { businessId: 'theirs', operatorId: 'spy' })
      expect(people(await theirs.event('presence_state'))).to.deep.equal(['spy'])
      await ours.fence()
      expect(JSON.stringify(ours.everything)).to.not.include('spy')
    })

    it(`comes behind what is replayed (${name})`, async () => {
      const before = await connect(server)
      const { epoch } = ok(await before.authenticate())
      for (let count = 0; count < 3; count += 1)
        ok(await before.modifyQuery('services', { limit: 5 }))
      const back = await connect(server, {}, { authenticated: false })
      ok(await back.authenticate({ lastSeq: 0, epoch }))
      await back.event('presence_state')
      const events = back.everything
        .map(({ event }) => event)
        .filter((event) => event !== 'presence_diff')
      const replayed = Array.from({ length: 3 }, () => 'agent_query_modified')
      expect(events.slice(-5)).to.deep.equal(['agent_authenticated', ...replayed, 'presence_state'])
    })
  }
})
