import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import {
  type AgentServer,
  COMMANDS,
  startAgentServer,
  stopAgentServers,
} from '../../support/agent-server.ts'
import { agentError, listen, openSession } from '../../support/agent-session.ts'

describe('a command of the client', () => {
  let server: AgentServer

  before(async () => {
    server = await startAgentServer({ commands: COMMANDS, locale: 'en' })
  })
  after(stopAgentServers)

  const open = async (own = {}) => (await openSession(server.url, own)).session

  it('that has a name runs once, however often it is sent', async () => {
    const session = await open()
    const once = () => session.execute('count', { name: 'client' }, { commandId: 'once' })
    const first = await once()
    expect(first).to.include({ commandId: 'once', result: 1 })
    expect(await once()).to.deep.equal(first)
    const other = session.execute('count', { name: 'other' }, { commandId: 'once' })
    expect(await agentError(other)).to.deep.include({
      code: 'invalid_payload',
      details: [
        {
          path: '/payload/commandId',
          problem: 'names another command, or the same with other parameters',
        },
      ],
    })
  })

  it('is cancelled by its name, also by another session object of the operator', async () => {
    const session = await open()
    const elsewhere = await open({ sessionId: session.sessionId })
    const endless = agentError(session.execute('pass', { name: 'never' }, { commandId: 'endless' }))
    // What is sent later is answered earlier: the command runs.
    await session.history()
    const cancelled = await elsewhere.cancel('endless')
    expect(cancelled).to.include({
      message: 'Command cancelled successfully',
      commandId: 'endless',
      command: 'pass',
    })
    expect(await endless).to.include({ code: 'command_cancelled' })
    expect(await agentError(elsewhere.cancel('endless'))).to.include({ code: 'unknown_command' })
  })

  it('tells how far it is', async () => {
    const session = await open()
    const progress = listen(session, 'agent_command_progress')
    await session.execute('tell', { times: 2 }, { commandId: 'telling' })
    expect(progress.all.map(({ step }) => step)).to.deep.equal([1, 2, 3])
    expect(progress.all[2]).to.include({ commandId: 'telling', command: 'tell', progress: 'done' })
  })
})
