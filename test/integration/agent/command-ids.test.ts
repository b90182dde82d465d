import { expect } from 'chai'
import { describe, it } from 'mocha'
import { type AgentStore, StoreUnavailable } from '../../../channels/agent/store/store.ts'
import {
  type AgentClient,
  CLIENTS,
  ok,
  type Payload,
  rawAgent,
  refusalOf,
} from '../../support/agent-client.ts'
import { startAgentServer } from '../../support/agent-server.ts'
import { type Gate, gate } from '../../support/gate.ts'
import { inPlaceOf } from '../../support/in-place-of.ts'
import { newcomers } from './newcomers.ts'

const DRAFT = { repositoryType: 'services', operation: 'delete', recordId: 'srv_1' }

/** A store that is away for the first draft, which it keeps or does not, and for what follows that at once. */
const losing = (doesIt: boolean) => (store: AgentStore) => {
  let left = 2
  return inPlaceOf(store, {
    async commit(session, commit) {
      const isDraft = commit.event?.event === 'agent_change_pending'
      if (left === 0 || !(isDraft || left === 1)) return await store.commit(session, commit)
      left -= 1
      if (isDraft && doesIt) await store.commit(session, commit)
      throw new StoreUnavailable('away')
    },
  })
}

/** A store that says that it has kept a draft, and goes on when it may. */
const pausing = (kept: Gate, goesOn: Gate) => (store: AgentStore) =>
  inPlaceOf(store, {
    async commit(session, commit) {
      const result = await store.commit(session, commit)
      if (commit.event?.event === 'agent_change_pending') {
        kept.open()
        await goesOn.opened
      }
      return result
    },
  })

describe('a command that its client has named', () => {
  const scene = newcomers()
  const { newcomer, other } = scene

  const named = { commandId: 'once' }

  /** How often a counting command has begun before. */
  async function countOf(agent: AgentClient, name: string): Promise<number> {
    return Number(ok(await agent.execute('count', { name }))['result']) - 1
  }

  for (const { name, connect } of CLIENTS) {
    it(`is answered with the first outcome when it is sent again, and runs once (${name})`, async () => {
      const agent = await newcomer(connect)
      const counted = { name: agent.who.sessionId }
      const first = await agent.execute('count', counted, named)
      expect(ok(first)).to.include({ commandId: 'once', command: 'count', result: 1 })
      for (const again of [agent, await other(agent), await other(agent, { operatorId: 'b' })]) {
        expect(await again.execute('count', counted, named)).to.deep.equal(first)
        expect(await again.event('agent_command_result')).to.deep.equal(first.response)
      }
      expect(await countOf(agent, counted.name)).to.equal(1)
    })
  }

  it('keeps whoever sends it again waiting while it runs', async () => {
    const agent = await newcomer()
    const counted = { name: agent.who.sessionId, gate: agent.who.sessionId }
    const request = agent.nested({ command: 'count', parameters: counted, ...named })
    const elsewhere = await other(agent)
    const refs = [1, 2].map(() => agent.send('agent_execute_command', request))
    await agent.execute('list_commands')
    const ref = elsewhere.send('agent_execute_command', request)
    await elsewhere.execute('list_commands')
    expect(agent.log.some((each) => refs.includes(String(each.ref)))).to.equal(false)
    ok(await agent.execute('open', { name: counted.gate }))
    const answers = [...refs.map((each) => agent.reply(each)), elsewhere.reply(ref)]
    const [first, ...others] = (await Promise.all(answers)).map(ok)
    expect(first?.['result']).to.equal(1)
    for (const each of others) expect(each).to.deep.equal(first)
    expect(await countOf(agent, counted.name)).to.equal(1)
  })

  it('is waited for as long as the socket that sent it again is there', async () => {
    const agent = await newcomer()
    const counted = { name: agent.who.sessionId, gate: agent.who.sessionId }
    const request = agent.nested({ command: 'count', parameters: counted, ...named })
    const ref = agent.send('agent_execute_command', request)
    await agent.execute('list_commands')
    const waiting = await other(agent)
    for (let at = 1; at < 100; at += 1) waiting.send('agent_execute_command', request)
    expect(refusalOf(await waiting.execute('list_commands'))).to.equal('rate_limited')
    waiting.cut()
    await agent.event('presence_diff', ({ leaves }) => Object.keys(leaves as object).length > 0)
    ok(await agent.execute('open', { name: counted.gate }))
    expect(ok(await agent.reply(ref))['result']).to.equal(1)
  })

  it('fails again as it failed first', async () => {
    const agent = await newcomer()
    const failing: readonly (readonly [string, object, string])[] = [
      ['fail', {}, 'command_failed'],
      ['late', { name: 'nobody waits for this' }, 'command_timeout'],
      ['refuse', { code: 'unknown_record' }, 'unknown_record'],
      ['get_change', { changeId: 'chg_1' }, 'unknown_change'],
      ['refuse', { code: 'because' }, 'internal'],
    ]
    for (const [at, [command, parameters, code]] of failing.entries()) {
      const first = await agent.execute(command, parameters, { commandId: `failing${at}` })
      expect(refusalOf(first)).to.equal(code)
      const again = await agent.execute(command, parameters, { commandId: `failing${at}` })
      expect(again).to.deep.equal(first)
    }
  })

  it('is the same with its parameters in another order, and no other', async () => {
    const agent = await newcomer()
    const value = { a: [1, { b: 2, c: 3 }], d: null }
    const first = await agent.execute('echo', { value }, named)
    const turned = { d: null, a: [1, { c: 3, b: 2 }] }
    expect(await agent.execute('echo', { value: turned }, named)).to.deep.equal(first)
    const others: readonly (readonly [string, object])[] = [
      ['echo', { value: { ...value, a: [{ b: 2, c: 3 }, 1] } }],
      ['echo', { value: { ...value, d: false } }],
      ['announce', { value }],
      ['list_commands', {}],
    ]
    for (const [command, parameters] of others) {
      const { status, response } = await agent.execute(command, parameters, named)
      expect([status, response['code']]).to.deep.equal(['error', 'invalid_payload'])
      expect((response['details'] as readonly Payload[]).map(({ path }) => path)).to.deep.equal([
        '/payload/commandId',
      ])
    }
  })

  it('without parameters is the same as with none', async () => {
    const agent = await newcomer()
    const first = ok(await agent.execute('whoami', {}, named))
    const bare = agent.nested({ command: 'whoami', ...named })
    expect(ok(await agent.request('agent_execute_command', bare))).to.deep.equal(first)
  })

  it('tells its outcome to nobody without the right to it', async () => {
    const agent = await newcomer()
    ok(await agent.execute('guarded', {}, named))
    const powerless = await other(agent, { operatorId: 'b', permissions: ['agent_access'] })
    expect(refusalOf(await powerless.execute('guarded', {}, named))).to.equal('permission_denied')
    expect(refusalOf(await powerless.execute('guarded', { size: 1 }, named))).to.equal(
      'permission_denied',
    )
  })

  it('is another one in another session, and in another business', async () => {
    const agent = await newcomer()
    const counted = { name: agent.who.sessionId }
    const elsewhere = [
      await other(agent, { sessionId: `${agent.who.sessionId}-2` }),
      await other(agent, { businessId: `${agent.who.businessId}-2` }),
    ]
    for (const [at, each] of [agent, ...elsewhere].entries()) {
      expect(ok(await each.execute('count', counted, named))['result']).to.equal(at + 1)
    }
  })

  it('is announced to the session once, also where it is sent again', async () => {
    const agent = await newcomer()
    const listening = await other(agent, { operatorId: 'b' })
    const first = ok(await agent.execute('announce', { value: 1 }, named))
    const { seq, ...rest } = first
    const { response } = await agent.execute('announce', { value: 1 }, named)
    // To whoever asks alone: it is no event of the session, and has no number.
    expect(response).to.deep.equal(rest)
    await Promise.all([agent.fence(), listening.fence()])
    expect(listening.numbered).to.deep.equal([first])
    expect(agent.seqs).to.deep.equal([seq])
  })

  it('makes one draft, whatever is sent at once', async () => {
    const agent = await newcomer()
    const clients = [agent, await other(agent), await other(agent, { operatorId: 'b' })]
    const request = { command: 'create_draft', parameters: DRAFT, ...named }
    const refs = clients.flatMap((client) =>
      [1, 2, 3].map(() => ({
        client,
        ref: client.send('agent_execute_command', client.nested(request)),
      })),
    )
    const answers = await Promise.all(refs.map(({ client, ref }) => client.reply(ref)))
    const ids = new Set(answers.map((each) => (ok(each)['result'] as Payload)['changeId']))
    expect(ids.size).to.equal(1)
    const { changes } = ok(await agent.execute('list_changes'))['result'] as Payload
    expect(changes).to.have.lengthOf(1)
  })

  it('is known after a restart, with the draft that it made', async () => {
    const agent = await newcomer()
    const first = ok(await agent.execute('create_draft', DRAFT, named))
    await scene.restart()
    const { seq, ...rest } = first
    const back = await rawAgent(scene.server, agent.who)
    expect(ok(await back.execute('create_draft', DRAFT, named))).to.deep.equal(rest)
  })

  for (const [what, doesIt] of [
    ['did not', false],
    ['did', true],
  ] as const) {
    it(`makes one draft when the store says that it is away, and ${what} keep it`, async () => {
      const agent = await rawAgent(await startAgentServer({ store: losing(doesIt) }))
      expect(refusalOf(await agent.execute('create_draft', DRAFT, named))).to.equal('unavailable')
      const { result } = ok(await agent.execute('create_draft', DRAFT, named))
      expect(ok(await agent.execute('create_draft', DRAFT, named))['result']).to.deep.equal(result)
      const { changes } = ok(await agent.execute('list_changes'))['result'] as Payload
      expect(changes).to.deep.equal([result])
    })
  }

  it('tells the session of a draft that was kept before its command was cancelled', async () => {
    const kept = gate()
    const goesOn = gate()
    const agent = await rawAgent(await startAgentServer({ store: pausing(kept, goesOn) }))
    const request = agent.nested({ command: 'create_draft', parameters: DRAFT, ...named })
    const ref = agent.send('agent_execute_command', request)
    await kept.opened
    const cancelled = agent.cancel('once')
    await agent.execute('list_commands')
    goesOn.open()
    const drafted = ok(await agent.reply(ref))
    expect(refusalOf(await cancelled)).to.equal('unknown_command')
    await agent.fence()
    expect(agent.numbered.map(({ seq }) => seq)).to.deep.equal([1, 2])
    expect(agent.numbered.at(-1)).to.deep.equal(drafted)
  })

  it('is unavailable when its outcome is too large to be kept, and runs once all the same', async () => {
    const agent = await newcomer()
    const large = { name: agent.who.sessionId, bytes: 1_048_576 }
    ok(await agent.execute('large', large, named))
    expect(refusalOf(await agent.execute('large', large, named))).to.equal('unavailable')
    expect(await countOf(agent, large.name)).to.equal(1)
  })

  it('is cancelled for all who wait for it', async () => {
    const agent = await newcomer()
    const request = agent.nested({ command: 'pass', parameters: { name: 'never' }, ...named })
    const refs = [1, 2].map(() => agent.send('agent_execute_command', request))
    ok(await agent.cancel('once'))
    for (const ref of refs) expect(refusalOf(await agent.reply(ref))).to.equal('command_cancelled')
    expect(refusalOf(await agent.execute('pass', { name: 'never' }, named))).to.equal(
      'command_cancelled',
    )
  })

  it('is not run by who finds as many commands running as may be', async () => {
    const agent = await newcomer()
    const wait = agent.nested({ command: 'pass', parameters: { name: 'named hundred' } })
    const refs = Array.from({ length: 100 }, () => agent.send('agent_execute_command', wait))
    const counted = { name: agent.who.sessionId }
    expect(refusalOf(await agent.execute('count', counted, named))).to.equal('rate_limited')
    const free = await other(agent, { operatorId: 'b' })
    ok(await free.execute('open', { name: 'named hundred' }))
    for (const ref of refs) ok(await agent.reply(ref))
    expect(ok(await agent.execute('count', counted, named))['result']).to.equal(1)
  })

  it('goes without a ref as well', async () => {
    const agent = await newcomer()
    const counted = { name: agent.who.sessionId }
    const request = agent.nested({ command: 'count', parameters: counted, ...named })
    agent.sendWithoutRef('agent_execute_command', request)
    agent.sendWithoutRef('agent_execute_command', request)
    const first = await agent.event('agent_command_result')
    expect(await agent.event('agent_command_result')).to.deep.equal(first)
  })
})
