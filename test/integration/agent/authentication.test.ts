import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import type { AgentStore } from '../../../channels/agent/store/store.ts'
import {
  type AgentClient,
  CLIENTS,
  ok,
  type Payload,
  phoenixAgent,
  type Reply,
  rawAgent,
  refusalOf,
  WHO,
} from '../../support/agent-client.ts'
import {
  type AgentServer,
  COMMANDS,
  startAgentServer,
  stopAgentServers,
} from '../../support/agent-server.ts'
import { inPlaceOf } from '../../support/in-place-of.ts'
import { connectWire, replyTo } from '../../support/wire-client.ts'
import { VALID } from './scenario.ts'

/** Who the server takes a client for. */
async function whoami(agent: AgentClient): Promise<Payload> {
  return ok(await agent.execute('whoami'))['result'] as Payload
}

describe('the authentication of an agent', () => {
  afterEach(stopAgentServers)

  for (const { name, connect } of CLIENTS) {
    describe(`with ${name}`, () => {
      it('is all that a joined client can do', async () => {
        const server = await startAgentServer()
        const owner = await connect(server)
        const agent = await connect(server, {}, { authenticated: false })
        expect(refusalOf(await agent.execute('list_commands'))).to.equal('not_authenticated')
        ok(await owner.modifyQuery('services', { limit: 1 }))
        await agent.fence()
        expect(agent.seqs).to.deep.equal([])
        ok(await agent.authenticate())
        ok(await owner.modifyQuery('services', { limit: 2 }))
        await agent.received(2)
        expect(agent.seqs).to.deep.equal([2])
      })

      it('replaces operator and permissions when it comes again', async () => {
        const agent = await connect(await startAgentServer({ commands: COMMANDS }))
        ok(await agent.authenticate({ operatorId: 'another', permissions: ['agent_access'] }))
        const { operatorId, permissions } = await whoami(agent)
        expect(operatorId).to.equal('another')
        expect(permissions).to.have.members(['session.open', 'command.execute'])
        expect(refusalOf(await agent.history())).to.equal('permission_denied')
      })

      it('that fails leaves the former in place', async () => {
        const agent = await connect(await startAgentServer({ commands: COMMANDS }))
        const failed = [
          await agent.authenticate({ operatorId: 'b', permissions: ['everything'] }),
          await agent.authenticate({ operatorId: 'b', permissions: ['data_query'] }),
          await agent.authenticate({ operatorId: 'b', businessId: 'business456' }),
          await agent.authenticate({ operatorId: '' }),
          await agent.authenticate({ operatorId: 'b', lastSeq: 0 }),
        ]
        expect(failed.map(refusalOf)).to.deep.equal([
          'invalid_payload',
          'permission_denied',
          'session_mismatch',
          'invalid_payload',
          'invalid_payload',
        ])
        expect((await whoami(agent))['operatorId']).to.equal('operator456')
        ok(await agent.modifyQuery('services', { limit: 1 }))
        await agent.received(1)
      })

      it('does not outlive its connection', async () => {
        const server = await startAgentServer()
        const gone = await connect(server)
        gone.cut()
        const agent = await connect(server, {}, { authenticated: false })
        expect(refusalOf(await agent.history())).to.equal('not_authenticated')
      })
    })
  }

  it('tells the operator of each socket apart, and lets one have many', async () => {
    const server = await startAgentServer({ commands: COMMANDS })
    const [one, two, other] = [
      await rawAgent(server),
      await phoenixAgent(server),
      await rawAgent(server, { operatorId: 'other' }),
    ]
    expect((await whoami(one))['operatorId']).to.equal('operator456')
    expect((await whoami(two))['operatorId']).to.equal('operator456')
    expect((await whoami(other))['operatorId']).to.equal('other')
    ok(await other.queryModify('services', [{ field: 'limit', operation: 'add', value: 3 }]))
    for (const each of [one, two, other]) {
      await each.received(1)
      expect(each.numbered.map(({ operatorId }) => operatorId)).to.deep.equal(['other'])
    }
  })

  describe('after another join of the topic', () => {
    const TOPIC = 'agent:session123'

    /** A raw connection that can join more than once. */
    async function joiner(server: AgentServer) {
      const wire = await connectWire(server.url)
      let refs = 0
      const ask = async (event: string, payload: object, joinRef: string): Promise<Reply> => {
        refs += 1
        wire.push({ topic: TOPIC, event, payload, ref: `${refs}`, joinRef })
        return (await wire.next(replyTo(`${refs}`))).payload as Reply
      }
      return { wire, ask }
    }

    it('starts from nothing, and the events of the former join end', async () => {
      const server = await startAgentServer()
      const owner = await rawAgent(server, { operatorId: 'owner' })
      const { wire, ask } = await joiner(server)
      for (const joinRef of ['j1', 'j2']) {
        ok(await ask('phx_join', { businessId: 'business123' }, joinRef))
        expect(
          refusalOf(
            await ask('agent_query_history', VALID.agent_query_history(owner.who), joinRef),
          ),
        ).to.equal('not_authenticated')
        ok(await ask('agent_authenticate', VALID.agent_authenticate(owner.who), joinRef))
      }
      ok(await owner.modifyQuery('services', { limit: 1 }))
      await wire.next(({ event }) => event === 'agent_query_modified')
      expect((await wire.fence()).map(({ event }) => event)).to.not.include('agent_query_modified')
    })

    it('starts from nothing after a leave', async () => {
      const server = await startAgentServer()
      const owner = await rawAgent(server, { operatorId: 'owner' })
      const { wire, ask } = await joiner(server)
      ok(await ask('phx_join', { businessId: 'business123' }, 'j1'))
      ok(await ask('agent_authenticate', VALID.agent_authenticate(owner.who), 'j1'))
      ok(await ask('phx_leave', {}, 'j1'))
      ok(await owner.modifyQuery('services', { limit: 1 }))
      ok(await ask('phx_join', { businessId: 'business123' }, 'j2'))
      const history = await ask('agent_query_history', VALID.agent_query_history(owner.who), 'j2')
      expect(refusalOf(history)).to.equal('not_authenticated')
      expect((await wire.fence()).map(({ event }) => event)).to.not.include('agent_query_modified')
    })

    it('may be for another business, and is that', async () => {
      const server = await startAgentServer()
      const { ask } = await joiner(server)
      ok(await ask('phx_join', { businessId: 'business123' }, 'j1'))
      const who = (await rawAgent(server)).who
      ok(await ask('agent_authenticate', VALID.agent_authenticate(who), 'j1'))
      ok(await ask('phx_join', { businessId: 'business456' }, 'j2'))
      const former = await ask('agent_authenticate', VALID.agent_authenticate(who), 'j2')
      expect(refusalOf(former)).to.equal('session_mismatch')
      const other = { ...who, businessId: 'business456' }
      ok(await ask('agent_authenticate', VALID.agent_authenticate(other), 'j2'))
    })
  })

  it('leaves nothing behind when its socket goes, however it goes', async () => {
    const listeners = new Set<object>()
    const counting = (store: AgentStore) =>
      inPlaceOf(store, {
        subscribe(session, listener) {
          const { ready, end } = store.subscribe(session, listener)
          listeners.add(listener)
          return {
            ready,
            end() {
              listeners.delete(listener)
              end()
            },
          }
        },
      })
    const server = await startAgentServer({ store: counting })
    const wire = await connectWire(server.url, { vsn: null })
    const push = (event: string, payload: unknown) =>
      wire.push({ topic: 'agent:session123', event, payload, ref: event })
    // Joins again and again, also while an authentication is on its way, and is cut in the midst of one.
    for (let round = 0; round < 5; round += 1) {
      push('phx_join', { businessId: WHO.businessId })
      push('agent_authenticate', VALID.agent_authenticate(WHO))
      if (round % 2 === 0) await wire.next(({ event }) => event === 'agent_authenticated')
    }
    await wire.fence()
    expect(listeners.size).to.be.lessThan(2)
    wire.terminate()
    await wire.closed
    await rawAgent(server, { sessionId: 'another' })
    expect(listeners.size).to.equal(1)
  })
})
