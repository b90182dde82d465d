import { expect } from 'chai'
import { describe, it } from 'mocha'
import {
  type AgentClient,
  CLIENTS,
  ok,
  type Payload,
  refusalOf,
  text,
} from '../../support/agent-client.ts'
import { newcomers } from './newcomers.ts'

describe('cancelling a command', () => {
  const { newcomer, other } = newcomers()

  /** Sends a command that ends by being cancelled alone; the ref of its request. */
  function endless(agent: AgentClient, commandId: string): string {
    const waits = { command: 'pass', parameters: { name: 'never' }, commandId }
    return agent.send('agent_execute_command', agent.nested(waits))
  }

  for (const { name, connect } of CLIENTS) {
    it(`ends it with command_cancelled, which is answered first (${name})`, async () => {
      const agent = await newcomer(connect)
      const ref = endless(agent, 'mine')
      ok(await agent.cancel('mine'))
      const cancelled = await agent.reply(ref)
      expect(cancelled.response).to.include({ code: 'command_cancelled', commandId: 'mine' })
      await agent.fence()
      const order = agent.log
        .slice(-4)
        .map(({ event, payload }) => [
          event,
          (payload as Payload)['status'] ?? (payload as Payload)['success'],
        ])
      expect(order).to.deep.equal([
        ['phx_reply', 'error'],
        ['agent_command_error', false],
        ['phx_reply', 'ok'],
        ['agent_command_cancelled', true],
      ])
    })
  }

  it('works from another socket of the operator, and tells that alone', async () => {
    const agent = await newcomer()
    const ref = endless(agent, 'mine')
    await agent.execute('list_commands')
    const elsewhere = await other(agent)
    ok(await elsewhere.cancel('mine'))
    expect(refusalOf(await agent.reply(ref))).to.equal('command_cancelled')
    await Promise.all([agent.fence(), elsewhere.fence()])
    const events = (client: AgentClient) => client.log.map(({ event }) => event)
    expect(events(agent)).to.not.include('agent_command_cancelled')
    expect(events(elsewhere)).to.not.include('agent_command_error')
  })

  it('works when who asked for the command is gone', async () => {
    const agent = await newcomer()
    endless(agent, 'mine')
    await agent.execute('list_commands')
    agent.cut()
    ok(await (await other(agent)).cancel('mine'))
  })

  it('aborts its signal', async () => {
    const agent = await newcomer()
    const waits = { command: 'until_aborted', parameters: { name: 'why' }, commandId: 'mine' }
    agent.send('agent_execute_command', agent.nested(waits))
    ok(await agent.cancel('mine'))
    expect(ok(await agent.execute('pass', { name: 'why' }))['result']).to.equal('command_cancelled')
  })

  it('makes no room for another as long as what it has cancelled goes on', async () => {
    const agent = await newcomer()
    const waits = { command: 'pass', parameters: { name: 'goes on' } }
    const named = Array.from({ length: 100 }, (_, at) => ({ ...waits, commandId: `${at}` }))
    const refs = named.map((each) => agent.send('agent_execute_command', agent.nested(each)))
    for (const { commandId } of named) ok(await agent.cancel(commandId))
    for (const ref of refs) expect(refusalOf(await agent.reply(ref))).to.equal('command_cancelled')
    expect(refusalOf(await agent.execute('list_commands'))).to.equal('rate_limited')
    ok(await (await other(agent, { operatorId: 'b' })).execute('open', { name: 'goes on' }))
    ok(await agent.execute('list_commands'))
  })

  it('works for a command that nobody has named, by the id in its progress', async () => {
    const agent = await newcomer()
    const parameters = { gate: 'never' }
    const ref = agent.send('agent_execute_command', agent.nested({ command: 'tell', parameters }))
    const commandId = text(await agent.event('agent_command_progress'), 'commandId')
    expect(ok(await agent.cancel(commandId))).to.include({ commandId, command: 'tell' })
    expect(refusalOf(await agent.reply(ref))).to.equal('command_cancelled')
  })

  it('is refused where the command is another operator’s, session’s or business’s', async () => {
    const agent = await newcomer()
    const ref = endless(agent, 'mine')
    await agent.execute('list_commands')
    for (const own of [{ operatorId: 'b' }, { sessionId: 'x' }, { businessId: 'x' }]) {
      const stranger = await other(agent, own)
      expect(refusalOf(await stranger.cancel('mine'))).to.equal('unknown_command')
    }
    expect(agent.log.some((each) => each.ref === ref)).to.equal(false)
    ok(await agent.cancel('mine'))
  })

  it('is refused where the command is done, or there was none', async () => {
    const agent = await newcomer()
    ok(await agent.execute('echo', { value: 1 }, { commandId: 'done' }))
    endless(agent, 'cancelled')
    ok(await agent.cancel('cancelled'))
    for (const commandId of ['done', 'cancelled', 'none']) {
      expect(refusalOf(await agent.cancel(commandId))).to.equal('unknown_command')
    }
  })

  it('is not answered with success where the command was faster', async () => {
    const agent = await newcomer()
    const draft = { repositoryType: 'services', operation: 'delete', recordId: 'srv_1' }
    for (let round = 0; round < 20; round += 1) {
      const named = { command: 'create_draft', parameters: draft, commandId: `draft${round}` }
      const ref = agent.send('agent_execute_command', agent.nested(named))
      const cancelled = await agent.cancel(named.commandId)
      const drafted = await agent.reply(ref)
      expect([drafted.status, cancelled.status].sort()).to.deep.equal(['error', 'ok'])
      const { changes } = ok(await agent.execute('list_changes'))['result'] as {
        readonly changes: readonly Payload[]
      }
      const ids = changes.map(({ changeId }) => changeId)
      if (drafted.status === 'ok') {
        expect(ids.at(-1)).to.equal((ok(drafted)['result'] as Payload)['changeId'])
      }
      expect(ids).to.have.lengthOf(
        agent.log.filter(({ event }) => event === 'agent_change_pending').length,
      )
    }
  })
})
