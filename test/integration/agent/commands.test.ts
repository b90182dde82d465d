import { expect } from 'chai'
import { describe, it } from 'mocha'
import { CLIENTS, ok, type Payload, rawAgent, refusalOf } from '../../support/agent-client.ts'
import { result } from './drafts.ts'
import { newcomers } from './newcomers.ts'

describe('the commands of an agent', () => {
  const scene = newcomers()
  const { newcomer } = scene

  describe('built in', () => {
    it('are these, with these rights', async () => {
      const { commands } = (await result(await newcomer(), 'list_commands')) as {
        readonly commands: readonly Payload[]
      }
      const builtIn = commands.slice(0, 5).map(({ name, permission, audience }) => {
        return { name, permission, audience }
      })
      expect(builtIn).to.deep.equal([
        { name: 'list_commands', permission: null, audience: 'requester' },
        { name: 'run_query', permission: 'record.read', audience: 'requester' },
        { name: 'create_draft', permission: 'change.create', audience: 'session' },
        { name: 'list_changes', permission: 'change.*', audience: 'requester' },
        { name: 'get_change', permission: 'change.*', audience: 'requester' },
      ])
      for (const command of commands) {
        expect(command).to.have.all.keys(
          ...['name', 'description', 'permission', 'audience', 'parameters'],
        )
        expect(command['description']).to.be.a('string').and.not.equal('')
        expect(command['parameters']).to.include({ type: 'object' })
      }
      expect(commands.map(({ name }) => name)).to.include.members(['whoami', 'guarded'])
    })

    it('run the query of the session as it is now', async () => {
      const agent = await newcomer()
      const find = () => result(agent, 'run_query', { repositoryType: 'customers' })
      expect(await find()).to.deep.include({ total: 3 })
      ok(
        await agent.modifyQuery('customers', {
          fields: ['name'],
          sort: { name: 'desc' },
          limit: 2,
        }),
      )
      expect(await find()).to.deep.equal({
        records: [
          { id: 'cus_2', name: 'Mihai Popa' },
          { id: 'cus_3', name: 'Ioana Radu' },
        ],
        total: 3,
      })
    })
  })

  for (const { name, connect } of CLIENTS) {
    describe(`with ${name}`, () => {
      it('tell who runs them', async () => {
        const agent = await newcomer(connect)
        const { businessId, sessionId, operatorId } = agent.who
        expect(await result(agent, 'whoami')).to.deep.include({ businessId, sessionId, operatorId })
      })

      it('tell the requester, or the session', async () => {
        const agent = await newcomer(connect)
        const other = await connect(scene.server, { ...agent.who, operatorId: 'other' })
        await result(agent, 'echo', { value: 1 })
        const announced = ok(await agent.execute('announce', { value: 2 }))
        await other.received(1)
        expect(other.log.map(({ event }) => event).slice(2)).to.deep.equal([
          ...['agent_authenticated', 'agent_command_result'],
        ])
        expect(other.numbered).to.deep.equal([announced])
      })

      it('do not hold back what comes after them', async () => {
        const agent = await newcomer(connect)
        const slow = agent.nested({ command: 'pass', parameters: { name: `slow ${name}` } })
        const ref = agent.send('agent_execute_command', slow)
        ok(await agent.modifyQuery('services', { limit: 1 }))
        expect(await result(agent, 'echo', { value: 1 })).to.deep.equal({ value: 1 })
        expect(agent.log.some((each) => each.ref === ref)).to.equal(false)
        await result(agent, 'open', { name: `slow ${name}` })
        expect(ok(await agent.reply(ref))['result']).to.equal('passed')
      })
    })
  }

  it('are checked in the order in which they came', async () => {
    const agent = await newcomer()
    const refs = ['pass', 'unheard_of', 'pass', 'list_commands'].map((command) =>
      agent.send('agent_execute_command', agent.nested({ command, parameters: {} })),
    )
    const answers = await Promise.all(refs.map((ref) => agent.reply(ref)))
    expect(answers.map(({ response }) => response['code'])).to.deep.equal([
      'invalid_payload',
      'unknown_command',
      'invalid_payload',
      undefined,
    ])
    const replies = agent.log.filter(({ event }) => event === 'phx_reply').slice(2)
    expect(replies.map(({ ref }) => ref)).to.deep.equal(refs)
  })

  it('may be a hundred of an operator at once, and others when those are done', async () => {
    const agent = await newcomer()
    const other = await rawAgent(scene.server, { ...agent.who, operatorId: 'other' })
    const wait = agent.nested({ command: 'pass', parameters: { name: 'hundred' } })
    const refs = Array.from({ length: 100 }, () => agent.send('agent_execute_command', wait))
    expect(refusalOf(await agent.execute('open', { name: 'hundred' }))).to.equal('rate_limited')
    // On all its sockets and sessions.
    for (const elsewhere of [{}, { sessionId: 'elsewhere' }]) {
      const again = await rawAgent(scene.server, { ...agent.who, ...elsewhere })
      expect(refusalOf(await again.execute('list_commands'))).to.equal('rate_limited')
    }
    await result(other, 'open', { name: 'hundred' })
    for (const ref of refs) expect(ok(await agent.reply(ref))['result']).to.equal('passed')
    await result(agent, 'list_commands')
  })

  it('count as the operator’s also when the socket that asked for them is gone', async () => {
    const agent = await newcomer()
    const other = await rawAgent(scene.server, { ...agent.who, operatorId: 'other' })
    const wait = agent.nested({ command: 'pass', parameters: { name: 'abandoned' } })
    for (let count = 0; count < 100; count += 1) agent.send('agent_execute_command', wait)
    expect(refusalOf(await agent.execute('list_commands'))).to.equal('rate_limited')
    agent.cut()
    const again = await rawAgent(scene.server, agent.who)
    expect(refusalOf(await again.execute('list_commands'))).to.equal('rate_limited')
    await result(other, 'open', { name: 'abandoned' })
    await result(again, 'list_commands')
  })

  it('keep the server busy while they run', async () => {
    const agent = await newcomer()
    const { app } = scene.server
    expect(app.busy()).to.equal(false)
    const slow = agent.nested({ command: 'pass', parameters: { name: 'busy' } })
    const ref = agent.send('agent_execute_command', slow)
    await result(agent, 'list_commands')
    expect(app.busy()).to.equal(true)
    await result(agent, 'open', { name: 'busy' })
    ok(await agent.reply(ref))
    ok(await agent.modifyQuery('services', { limit: 1 }))
    await agent.fence()
    expect(app.busy()).to.equal(false)
  })

  it('have their signal aborted when they take too long', async () => {
    const agent = await newcomer()
    expect(refusalOf(await agent.execute('late', { name: 'aborted' }))).to.equal('command_timeout')
    expect(await result(agent, 'pass', { name: 'aborted' })).to.equal('command_timeout')
    // It finished after all: too late for anybody to be told.
    const answers = agent.log.filter(({ payload }) => (payload as Payload)['command'] === 'late')
    expect(answers.map(({ event }) => event)).to.deep.equal(['agent_command_error'])
  })

  it('fail without a word of why', async () => {
    const agent = await newcomer()
    for (const command of ['fail', 'fail_later']) {
      expect(refusalOf(await agent.execute(command))).to.equal('command_failed')
    }
    expect(JSON.stringify(agent.log)).to.not.match(/hunter2|shadow|\.ts/)
    expect(scene.server.errors.map(String).join()).to.include('hunter2')
  })

  it('may refuse, with details', async () => {
    const { status, response } = await (await newcomer()).execute('refuse', {
      code: 'unknown_record',
    })
    const { commandId, ...members } = response
    expect({ status, ...members }).to.deep.equal({
      status: 'error',
      success: false,
      code: 'unknown_record',
      message: 'Înregistrarea nu există',
      details: [{ path: '/payload/parameters/code', problem: 'was asked for' }],
      command: 'refuse',
    })
  })

  const RESULTS = [
    { kind: 'nothing', gives: {} },
    { kind: 'null', gives: {} },
    { kind: 'list', gives: [1, { two: 2 }] },
    { kind: 'date', gives: { at: '1970-01-01T00:00:00.000Z' } },
  ]
  for (const { kind, gives } of RESULTS) {
    it(`result in ${JSON.stringify(gives)} where they give ${kind}`, async () => {
      expect(await result(await newcomer(), 'result', { kind })).to.deep.equal(gives)
    })
  }
  for (const kind of ['bigint', 'function', 'cycle']) {
    it(`fail where they give a ${kind}`, async () => {
      const agent = await newcomer()
      expect(refusalOf(await agent.execute('result', { kind }))).to.equal('command_failed')
      await result(agent, 'list_commands')
    })
  }

  it('answer as who asked, whoever that socket is by then', async () => {
    const agent = await newcomer()
    const slow = agent.nested({ command: 'announce_later', parameters: { name: 'become' } })
    const ref = agent.send('agent_execute_command', slow)
    ok(await agent.authenticate({ operatorId: 'another', permissions: ['agent_access'] }))
    await result(agent, 'open', { name: 'become' })
    expect(ok(await agent.reply(ref))['operatorId']).to.equal('operator456')
  })

  it('tell the session also when who asked is gone', async () => {
    const agent = await newcomer()
    const other = await rawAgent(scene.server, { ...agent.who, operatorId: 'other' })
    const slow = agent.nested({ command: 'announce_later', parameters: { name: 'gone' } })
    agent.send('agent_execute_command', slow)
    await result(agent, 'list_commands')
    agent.cut()
    await result(other, 'open', { name: 'gone' })
    const told = await other.event('agent_command_result', ({ seq }) => seq === 1)
    expect(told).to.deep.include({ operatorId: agent.who.operatorId, result: 'passed' })
  })
})
