import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { withBuiltins } from '../../../channels/agent/commands/builtin.ts'
import { expand } from '../../../channels/agent/permissions.ts'
import type { Verifier } from '../../../server/auth/verifier.ts'
import { type AgentClient, outcome, rawAgent, refusalOf } from '../../support/agent-client.ts'
import {
  type AgentServer,
  COMMANDS,
  startAgentServer,
  stopAgentServers,
} from '../../support/agent-server.ts'
import { ALL, SECRET, token, verifierOf } from '../../support/tokens.ts'

/** Every permission that does not stand for others (contract 4). */
const FINE = [
  ...['session.open', 'command.execute'],
  ...['query.modify', 'query.revert', 'query.history', 'record.read'],
  ...['change.create', 'change.approve', 'change.reject'],
]

/** The outcome of everything there is to do. */
async function outcomes(agent: AgentClient): Promise<Readonly<Record<string, unknown>>> {
  const draft = { repositoryType: 'services', operation: 'create', data: {} }
  return {
    list_commands: outcome(await agent.execute('list_commands')),
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
}

/** What all of it comes to for whoever may do it. */
const ALLOWED: Readonly<Record<string, unknown>> = {
  list_commands: 'ok',
  run_query: 'ok',
  create_draft: 'ok',
  list_changes: 'ok',
  get_change: 'unknown_change',
  guarded: 'ok',
  modify: 'ok',
  queryModify: 'ok',
  revert: 'unknown_modification',
  history: 'ok',
  approve: 'unknown_change',
  reject: 'unknown_change',
}

const expected = (may: readonly string[]) =>
  Object.fromEntries(
    Object.entries(ALLOWED).map(([what, allowed]) => [
      what,
      may.includes(what) ? allowed : 'permission_denied',
    ]),
  )

const QUERIES = ['modify', 'queryModify', 'revert', 'history']
const LOOKING = ['list_changes', 'get_change']
const EXECUTE = ['session.open', 'command.execute']

const COARSE_SETS = [
  { permissions: ['agent_access'], may: ['list_commands'] },
  {
    permissions: ['agent_access', 'data_query'],
    may: ['list_commands', 'run_query', ...QUERIES],
  },
  {
    permissions: ['agent_access', 'draft_creation'],
    may: ['list_commands', 'create_draft', ...LOOKING, 'guarded', 'approve', 'reject'],
  },
  { permissions: ALL, may: Object.keys(ALLOWED) },
  // Coarse and fine in one list.
  {
    permissions: ['data_query', 'session.open', 'change.reject'],
    may: [...QUERIES, 'reject'],
  },
]

/** What each of them is enough for. */
const FINE_SETS = [
  { permissions: ['session.open'], may: [] },
  { permissions: EXECUTE, may: ['list_commands'] },
  { permissions: [...EXECUTE, 'record.read'], may: ['list_commands', 'run_query'] },
  {
    permissions: [...EXECUTE, 'change.create'],
    may: ['list_commands', 'create_draft', ...LOOKING],
  },
  {
    permissions: [...EXECUTE, 'change.approve'],
    may: ['list_commands', ...LOOKING, 'guarded', 'approve'],
  },
  {
    permissions: [...EXECUTE, 'change.reject'],
    may: ['list_commands', ...LOOKING, 'reject'],
  },
  { permissions: ['session.open', 'query.modify'], may: ['modify', 'queryModify'] },
  { permissions: ['session.open', 'query.revert'], may: ['revert'] },
  { permissions: ['session.open', 'query.history'], may: ['history'] },
  { permissions: ['session.open', 'record.read', 'change.create'], may: [] },
]

const COMMANDS_OF_ALL = ['list_commands', 'run_query', 'create_draft', ...LOOKING, 'guarded']

/** What cannot be done without it, whatever else one may do. */
const NEEDED = new Map([
  ['command.execute', COMMANDS_OF_ALL],
  ['query.modify', ['modify', 'queryModify']],
  ['query.revert', ['revert']],
  ['query.history', ['history']],
  ['record.read', ['run_query']],
  ['change.create', ['create_draft']],
  ['change.approve', ['guarded', 'approve']],
  ['change.reject', ['reject']],
])

const WITHOUT_ONE = [...NEEDED].map(([missing, needing]) => ({
  permissions: FINE.filter((permission) => permission !== missing),
  may: Object.keys(ALLOWED).filter((what) => !needing.includes(what)),
  missing,
}))

const NOT_EVEN_OPEN = [
  [],
  ['command.execute'],
  ['data_query', 'draft_creation'],
  FINE.filter((permission) => permission !== 'session.open'),
]

/** How a client comes to what it may do: the permissions that its token grants; in open mode there is none. */
const WAYS = [
  { how: 'in open mode, by asking', tokenOf: undefined },
  { how: 'by a token that grants no more', tokenOf: (asked: readonly string[]) => asked },
  { how: 'by asking for less than its token grants', tokenOf: () => FINE },
]

for (const { how, tokenOf } of WAYS) {
  describe(`what an agent may do ${how}`, () => {
    let server: AgentServer
    let verifier: Verifier | undefined
    before(async () => {
      verifier = tokenOf && (await verifierOf({ authSecret: SECRET }))
      const verifyToken = verifier?.verify
      server = await startAgentServer({ commands: COMMANDS, ...(verifyToken && { verifyToken }) })
    })
    after(async () => {
      await stopAgentServers()
      verifier?.close()
    })

    /** A client that has asked for nothing yet. */
    async function joined(permissions: readonly string[]): Promise<AgentClient> {
      const params = tokenOf && { token: token({ permissions: tokenOf(permissions) }) }
      const options = { authenticated: false, ...(params && { params }) }
      return await rawAgent(server, { permissions }, options)
    }

    async function expectOutcomes(permissions: readonly string[], may: readonly string[]) {
      const agent = await joined(permissions)
      expect(outcome(await agent.authenticate())).to.equal('ok')
      expect(await outcomes(agent)).to.deep.equal(expected(may))
      agent.cut()
    }

    for (const { permissions, may } of [...COARSE_SETS, ...FINE_SETS]) {
      it(`is ${may.join(', ') || 'nothing'} with ${permissions.join(', ')}`, async () => {
        await expectOutcomes(permissions, may)
      })
    }

    for (const { permissions, may, missing } of WITHOUT_ONE) {
      it(`is ${may.join(', ')} with everything but ${missing}`, async () => {
        await expectOutcomes(permissions, may)
      })
    }

    for (const permissions of NOT_EVEN_OPEN) {
      it(`is not even to open a session with ${permissions.join(', ') || 'none'}`, async () => {
        const agent = await joined(permissions)
        expect(refusalOf(await agent.authenticate())).to.equal('permission_denied')
        expect(new Set(Object.values(await outcomes(agent)))).to.deep.equal(
          new Set(['not_authenticated']),
        )
        agent.cut()
      })
    }
  })
}

describe('the tables of what an agent may do', () => {
  it('have everything there is to do, and every permission that something needs', () => {
    const done = Object.keys(ALLOWED)
    expect(done).to.include.members(withBuiltins([]).map(({ name }) => name))
    expect([...NEEDED.values()].flat()).to.include.members(done)
    expect([...NEEDED.keys(), 'session.open']).to.have.members(FINE)
    expect(FINE).to.have.members([...expand(ALL)])
  })
})
