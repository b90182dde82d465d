import { expect } from 'chai'
import { after, afterEach, before, describe, it } from 'mocha'
import {
  type AgentClient,
  CLIENTS,
  ok,
  type Payload,
  phoenixAgent,
  type Reply,
  rawAgent,
  refusalOf,
} from '../../support/agent-client.ts'
import { type AgentServer, startAgentServer, stopAgentServers } from '../../support/agent-server.ts'
import { connectWire, replyTo } from '../../support/wire-client.ts'
import { VALID } from './scenario.ts'

const COMMANDS = new URL('../../fixtures/commands.ts', import.meta.url).pathname

/** Ok, or the code of the refusal. */
const outcome = ({ status, response }: Reply) => (status === 'ok' ? 'ok' : response['code'])

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
    const server = await startAgentServer({ now: Date.now })
    const wire = await connectWire(server.url, { vsn: null })
    const authenticate = VALID.agent_authenticate(
      (await rawAgent(server, {}, { authenticated: false })).who,
    )
    const push = (event: string, payload: unknown) =>
      wire.push({ topic: 'agent:session123', event, payload, ref: event })
    // Joins again and again, also while an authentication is on its way, and is cut in the midst of one.
    for (let round = 0; round < 5; round += 1) {
      push('phx_join', { businessId: 'business123' })
      push('agent_authenticate', authenticate)
      if (round % 2 === 0) await wire.next(({ event }) => event === 'agent_authenticated')
    }
    await wire.fence()
    expect(server.listeners()).to.be.lessThan(2)
    wire.terminate()
    await wire.closed
    await rawAgent(server, { sessionId: 'another' })
    expect(server.listeners()).to.equal(1)
  })
})

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

describe('with a token', () => {
  let server: AgentServer
  before(async () => {
    server = await startAgentServer({ claims: true })
  })
  after(stopAgentServers)

  const ALL = ['agent_access', 'data_query', 'draft_creation']

  /** A client whose token says this; it asks for what it asks for. */
  async function authenticate(
    claims: { readonly businessId?: string; readonly permissions?: readonly string[] },
    asked: object,
  ): Promise<unknown> {
    const token = { businessId: 'business123', operatorId: 'operator456', permissions: ALL }
    const params = { claims: JSON.stringify({ ...token, ...claims }) }
    const agent = await rawAgent(server, {}, { authenticated: false, params })
    return outcome(await agent.authenticate(asked))
  }

  it('joins only the business of the token', async () => {
    const token = { businessId: 'business456', operatorId: 'operator456', permissions: ALL }
    const wire = await connectWire(server.url, { params: { claims: JSON.stringify(token) } })
    wire.push({ topic: 'agent:s1', event: 'phx_join', payload: { businessId: 'b' }, ref: '1' })
    const { payload } = await wire.next(replyTo('1'))
    expect(payload).to.deep.equal({
      status: 'error',
      response: {
        success: false,
        code: 'permission_denied',
        message: 'Permisiuni insuficiente',
      },
    })
  })

  it('is the operator of the token, and no other', async () => {
    expect(await authenticate({}, {})).to.equal('ok')
    expect(await authenticate({}, { operatorId: 'operator457' })).to.equal('permission_denied')
    expect(await authenticate({}, { operatorId: 'Operator456' })).to.equal('permission_denied')
  })

  it('gets permissions that the token grants, and no others', async () => {
    const claims = { permissions: ['agent_access', 'query.modify', 'query.history'] }
    expect(await authenticate(claims, { permissions: ['agent_access'] })).to.equal('ok')
    expect(await authenticate(claims, { permissions: ['session.open'] })).to.equal('ok')
    const some = { permissions: ['session.open', 'query.history'] }
    expect(await authenticate(claims, some)).to.equal('ok')
    const others = { permissions: ['session.open', 'query.history', 'query.revert'] }
    expect(await authenticate(claims, others)).to.equal('permission_denied')
  })

  it('gets a coarse permission where the token grants all that it stands for', async () => {
    const asked = { permissions: ['agent_access', 'data_query'] }
    const [first, ...others] = ['query.modify', 'query.revert', 'query.history', 'record.read']
    const most = { permissions: ['agent_access', ...others] }
    expect(await authenticate(most, asked)).to.equal('permission_denied')
    const all = { permissions: ['agent_access', first ?? '', ...others] }
    expect(await authenticate(all, asked)).to.equal('ok')
  })

  it('gets nothing from permissions of the token that nobody knows', async () => {
    const claims = { permissions: ['*', 'admin', '__proto__'] }
    expect(await authenticate(claims, { permissions: ['session.open'] })).to.equal(
      'permission_denied',
    )
  })
})
