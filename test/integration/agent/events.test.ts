import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import {
  CLIENTS,
  ok,
  type Payload,
  phoenixAgent,
  rawAgent,
  refusalOf,
} from '../../support/agent-client.ts'
import { stopAgentServers } from '../../support/agent-server.ts'
import { numbers } from '../../support/numbers.ts'
import { setUp } from './announcing.ts'
import { VALID } from './scenario.ts'

describe('the events of a session', () => {
  afterEach(stopAgentServers)

  for (const { name, connect } of CLIENTS) {
    it(`come to every operator, once, in order, the requester included (${name})`, async () => {
      const server = await setUp()
      const agent = await connect(server)
      const others = [
        await rawAgent(server, { operatorId: 'b' }),
        await phoenixAgent(server, { operatorId: 'c' }),
      ]
      const replies = [
        await agent.modifyQuery('services', { limit: 1 }),
        await agent.queryModify('services', [{ field: 'limit', operation: 'remove' }]),
        await agent.execute('announce', { value: 1 }),
      ].map(ok)
      replies.push(ok(await agent.revert(replies[0]?.['modificationId'])))
      expect(replies.map(({ seq }) => seq)).to.deep.equal([1, 2, 3, 4])
      for (const each of [agent, ...others]) {
        await each.received(4)
        await each.fence()
        expect(each.numbered).to.deep.equal(replies)
      }
    })

    it(`come to the requester after their reply (${name})`, async () => {
      const agent = await connect(await setUp())
      const refs = numbers(1, 20).map(() =>
        agent.send('agent_modify_query', VALID.agent_modify_query(agent.who)),
      )
      await agent.received(20)
      for (const [index, ref] of refs.entries()) {
        const reply = agent.log.findIndex((each) => each.event === 'phx_reply' && each.ref === ref)
        const event = agent.log.findIndex(
          ({ event, payload }) =>
            event === 'agent_query_modified' && (payload as Payload)['seq'] === index + 1,
        )
        expect(reply).to.be.within(1, event - 1)
      }
    })

    it(`come alone where the request had no ref (${name})`, async () => {
      const agent = await connect(await setUp())
      agent.sendWithoutRef('agent_modify_query', VALID.agent_modify_query(agent.who))
      agent.sendWithoutRef('agent_query_revert', VALID.agent_query_revert(agent.who))
      agent.sendWithoutRef('agent_query_history', VALID.agent_query_history(agent.who))
      await agent.event('agent_query_history')
      const events = agent.log.slice(3).map(({ event, ref }) => [event, ref])
      expect(events).to.deep.equal([
        ['agent_query_modified', null],
        ['agent_revert_error', null],
        ['agent_query_history', null],
      ])
    })
  }

  it('are not what concerns the requester alone', async () => {
    const server = await setUp()
    const [agent, other] = [await rawAgent(server), await rawAgent(server, { operatorId: 'b' })]
    ok(await agent.history())
    ok(await agent.execute('echo', { value: 1 }))
    ok(await agent.authenticate())
    expect(refusalOf(await agent.revert('mod_1'))).to.equal('unknown_modification')
    expect(refusalOf(await agent.execute('unheard_of'))).to.equal('unknown_command')
    await other.fence()
    expect(other.log.map(({ event }) => event)).to.deep.equal([
      ...['phx_reply', 'phx_reply', 'agent_authenticated'],
    ])
    expect(ok(await agent.authenticate())['seq']).to.equal(0)
  })
})
