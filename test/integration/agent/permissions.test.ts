import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { outcome, rawAgent, refusalOf } from '../../support/agent-client.ts'
import {
  type AgentServer,
  COMMANDS,
  startAgentServer,
  stopAgentServers,
} from '../../support/agent-server.ts'

describe('what an agent may do', () => {
  let server: AgentServer
  before(async () => {
    server = await startAgentServer({ commands: COMMANDS })
  })
  after(stopAgentServers)

  /** The outcome of everything there is to do, for somebody who has these permissions. */
  async function outcomes(permissions: readonly string[]) {
    const agent = await rawAgent(server, { permissions })
    const draft = { repositoryType: 'services', operation: 'delete', recordId: 'srv_9' }
    const found = {
      execute: outcome(await agent.execute('list_commands')),
      run_query: outcome(await agent.execute('run_query', { repositoryType: 'services' })),
      create_draft: outcome(await agent.execute('create_draft', draft)),
      list_changes: outcome(await agent.execute('list_changes')),
      get_change: outcome(await agent.execute('get_change', { changeId: 'chg_1' })),
      guarded: outcome(await agent.execute('guarded')),
      modify: outcome(await agent.modifyQuery('services', { limit: 1 })),
      queryModify: outcome(
        await agent.queryModify('services', [{ field: 'limit', operation: 'add', value: 1 }]),
      ),
      revert: outcome(await agent.revert('mod_1')),
      history: outcome(await agent.history()),
      approve: outcome(await agent.approve('chg_1')),
      reject: outcome(await agent.reject('chg_1')),
    }
    agent.cut()
    return Object.entries(found)
      .filter(([, result]) => result !== 'permission_denied')
      .map(([what]) => what)
  }

  const EXECUTE = ['session.open', 'command.execute']
  const COARSE = [
    { permissions: ['agent_access'], may: ['execute'] },
    {
      permissions: ['agent_access', 'data_query'],
      may: ['execute', 'run_query', 'modify', 'queryModify', 'revert', 'history'],
    },
    {
      permissions: ['agent_access', 'draft_creation'],
      may: [
        ...['execute', 'create_draft', 'list_changes', 'get_change', 'guarded'],
        ...['approve', 'reject'],
      ],
    },
  ]
  const FINE = [
    { permissions: ['session.open'], may: [] },
    { permissions: EXECUTE, may: ['execute'] },
    { permissions: [...EXECUTE, 'record.read'], may: ['execute', 'run_query'] },
    {
      permissions: [...EXECUTE, 'change.create'],
      may: ['execute', 'create_draft', 'list_changes', 'get_change'],
    },
    {
      permissions: [...EXECUTE, 'change.approve'],
      may: ['execute', 'list_changes', 'get_change', 'guarded', 'approve'],
    },
    {
      permissions: [...EXECUTE, 'change.reject'],
      may: ['execute', 'list_changes', 'get_change', 'reject'],
    },
    { permissions: ['session.open', 'query.modify'], may: ['modify', 'queryModify'] },
    { permissions: ['session.open', 'query.revert'], may: ['revert'] },
    { permissions: ['session.open', 'query.history'], may: ['history'] },
    { permissions: ['session.open', 'record.read', 'change.create'], may: [] },
  ]

  for (const { permissions, may } of [...COARSE, ...FINE]) {
    it(`is ${may.join(', ') || 'nothing'} with ${permissions.join(', ')}`, async () => {
      expect(await outcomes(permissions)).to.have.members(may)
    })
  }

  for (const permissions of [[], ['command.execute'], ['data_query', 'draft_creation']]) {
    it(`is not even to open a session with ${permissions.join(', ') || 'no permission'}`, async () => {
      const agent = await rawAgent(server, { permissions }, { authenticated: false })
      expect(refusalOf(await agent.authenticate())).to.equal('permission_denied')
    })
  }
})
