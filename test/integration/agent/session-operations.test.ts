import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import type { AgentStore } from '../../../channels/agent/store/store.ts'
import {
  type AgentClient,
  ok,
  type Payload,
  rawAgent,
  refusalOf,
  text,
} from '../../support/agent-client.ts'
import {
  type AgentServer,
  COMMANDS,
  startAgentServer,
  stopAgentServers,
} from '../../support/agent-server.ts'
import { type Gate, gate } from '../../support/gate.ts'
import { inPlaceOf } from '../../support/in-place-of.ts'

const DRAFT = {
  repositoryType: 'services',
  operation: 'update',
  recordId: 'srv_1',
  data: { price: 5 },
}

/** The module that the README shows. */
async function readmeModule(directory: string): Promise<string> {
  const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8')
  const part = readme.split('\n### ').find((each) => each.startsWith('Commands: ')) ?? ''
  const path = join(directory, 'commands.mjs')
  await writeFile(path, /```ts\n(.*?)```/s.exec(part)?.[1] ?? '')
  return path
}

/** The limit of a query that is kept slowly. */
const SLOW = 7

/** A store that opens `begun` when it is to keep that query, and does when `turn` is open. */
const slowOnce = (begun: Gate, turn: Gate) => (store: AgentStore) =>
  inPlaceOf(store, {
    async commit(session, commit) {
      const isSlow = commit.put?.some(
        ({ ref, value }) => ref.name === 'queries' && (value as Payload)['limit'] === SLOW,
      )
      if (isSlow) {
        begun.open()
        await turn.opened
      }
      return await store.commit(session, commit)
    },
  })

describe('what a command does in its session', () => {
  let server: AgentServer
  let sessions = 0
  before(async () => {
    server = await startAgentServer({ commands: COMMANDS })
  })
  after(stopAgentServers)

  function newcomer(own: object = {}): Promise<AgentClient> {
    sessions += 1
    return rawAgent(server, { sessionId: `s${sessions}`, businessId: `b${sessions}`, ...own })
  }

  const acts = (agent: AgentClient, action: string, value?: unknown) =>
    agent.execute('act', { action, ...(value !== undefined && { value }) })
  const done = async (agent: AgentClient, action: string, value?: unknown) =>
    ok(await acts(agent, action, value))['result'] as Payload

  it('is to its queries what the requests are', async () => {
    const agent = await newcomer()
    const entry = await done(agent, 'modify', { limit: 5 })
    expect(entry['modifiedQuery']).to.deep.include({ limit: 5 })
    const list = [{ field: 'limit', operation: 'modify', value: 7 }]
    await done(agent, 'modify', list)
    expect(await done(agent, 'query', 'services')).to.deep.include({ limit: 7 })
    const { history } = ok(await agent.history())
    expect(await done(agent, 'history', {})).to.deep.equal(history)
    expect(await done(agent, 'history', { limit: 1 })).to.deep.equal((history as []).slice(1))
    await done(agent, 'revert', entry['modificationId'])
    expect(await done(agent, 'query', 'services')).to.deep.include({ limit: 100 })
    expect(refusalOf(await acts(agent, 'revert', entry['modificationId']))).to.equal(
      'already_reverted',
    )
    expect(refusalOf(await acts(agent, 'modify', { limit: 0 }))).to.equal('invalid_payload')
  })

  it('is to its changes what the requests are', async () => {
    const agent = await newcomer()
    const first = text(await done(agent, 'draft', DRAFT), 'changeId')
    const second = text(await done(agent, 'draft', DRAFT), 'changeId')
    expect(await done(agent, 'change', first)).to.include({ status: 'pending' })
    expect(await done(agent, 'approve', first)).to.include({ status: 'approved' })
    expect(await done(agent, 'reject', second)).to.include({ status: 'rejected', reason: 'no' })
    expect(refusalOf(await acts(agent, 'approve', second))).to.equal('already_decided')
    const { changes } = await done(agent, 'changes', {})
    expect((changes as readonly Payload[]).map(({ changeId }) => changeId)).to.deep.equal([
      first,
      second,
    ])
    expect(refusalOf(await acts(agent, 'change', 'chg_1'))).to.equal('unknown_change')
  })

  it('is told to the session, as what it is and by whom', async () => {
    const agent = await newcomer()
    const other = await rawAgent(server, { ...agent.who, operatorId: 'other' })
    const entry = await done(agent, 'modify', { limit: 5 })
    await done(agent, 'revert', entry['modificationId'])
    const { changeId } = await done(agent, 'draft', DRAFT)
    await done(agent, 'approve', changeId)
    await other.received(4)
    const { operatorId } = agent.who
    const { modificationId } = entry
    expect(other.numbered[0]).to.deep.include({ seq: 1, modificationId, operatorId })
    expect(other.numbered[1]).to.deep.include({ seq: 2, modificationId, operatorId })
    expect(other.numbered[3]).to.deep.include({ seq: 4, changeId, operatorId })
    expect(other.log.slice(-4).map(({ event }) => event)).to.deep.equal([
      'agent_query_modified',
      'agent_query_reverted',
      'agent_change_pending',
      'agent_changes_approved',
    ])
  })

  it('is refused where a request of its shape is', async () => {
    const agent = await newcomer()
    const changeId = text(await done(agent, 'draft', DRAFT), 'changeId')
    const refused: readonly (readonly [string, unknown, string])[] = [
      ['modify', 7, '/modifications'],
      ['revert', 7, '/modificationId'],
      ['history', { limit: 0 }, '/limit'],
      ['history', { limit: 201 }, '/limit'],
      ['draft', { ...DRAFT, repositoryType: 7 }, '/payload/parameters/repositoryType'],
      ['draft', { ...DRAFT, operation: 'upsert' }, '/payload/parameters/operation'],
      ['draft', { ...DRAFT, recordId: 'é'.repeat(129) }, '/payload/parameters/recordId'],
      ['draft', { ...DRAFT, data: [] }, '/payload/parameters/data'],
      ['draft', { ...DRAFT, data: { id: 'other' } }, '/payload/parameters/data/id'],
      ['draft', { ...DRAFT, operation: 'delete' }, '/payload/parameters/data'],
      ['change', '', '/payload/changeId'],
      ['changes', { limit: 201 }, '/payload/parameters/limit'],
      ['changes', { status: 'open' }, '/payload/parameters/status'],
      ['approve', null, '/payload/changeId'],
      ['say', [7, 'no'], '/payload/changeId'],
      ['say', [changeId, ''], '/payload/reason'],
      ['say', [changeId, 'x'.repeat(2_001)], '/payload/reason'],
      ['say', [changeId, { why: 'not' }], '/payload/reason'],
    ]
    for (const [action, value, path] of refused) {
      const reply = await acts(agent, action, value)
      expect(refusalOf(reply), `${action} ${path}`).to.equal('invalid_payload')
      const details = reply.response['details'] as readonly Payload[]
      expect(details.map((each) => each['path'])).to.deep.equal([path])
    }
    expect(await done(agent, 'change', changeId)).to.include({ status: 'pending' })
  })

  it('is refused without the right to it, and does nothing', async () => {
    const agent = await newcomer({ permissions: ['agent_access'] })
    const refused: readonly (readonly [string, unknown])[] = [
      ['modify', { limit: 5 }],
      ['revert', 'mod_1'],
      ['history', {}],
      ['draft', DRAFT],
      ['change', 'chg_1'],
      ['changes', {}],
      ['approve', 'chg_1'],
      ['reject', 'chg_1'],
    ]
    for (const [action, value] of refused) {
      expect(refusalOf(await acts(agent, action, value)), action).to.equal('permission_denied')
    }
    expect(await done(agent, 'query', 'services')).to.deep.include({ limit: 100 })
    expect(agent.numbered).to.deep.equal([])
  })

  it('is what the README’s command does', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'commands-'))
    try {
      const commands = await readmeModule(directory)
      const agent = await rawAgent(await startAgentServer({ commands }))
      const { result } = ok(await agent.execute('reprice', { price: 7 }))
      expect((result as Payload)['after']).to.deep.include({ id: 'srv_1', price: 7 })
      expect(await agent.event('agent_command_progress')).to.deep.include({
        step: 1,
        progress: { filters: {} },
      })
    } finally {
      await rm(directory, { recursive: true })
    }
  })

  it('is no longer done when it takes too long', async () => {
    const agent = await newcomer()
    const late = { name: 'acts too late' }
    expect(refusalOf(await agent.execute('act_late', late))).to.equal('command_timeout')
    expect(ok(await agent.execute('pass', late))['result']).to.equal('command_timeout')
    expect(await done(agent, 'query', 'services')).to.deep.include({ limit: 100 })
  })

  it('is not done where its turn comes after its time', async () => {
    const [begun, turn] = [gate(), gate()]
    const slow = await startAgentServer({ commands: COMMANDS, store: slowOnce(begun, turn) })
    const agent = await rawAgent(slow)
    const first = text(await done(agent, 'draft', DRAFT), 'changeId')
    const second = text(await done(agent, 'draft', DRAFT), 'changeId')
    const { modificationId } = await done(agent, 'modify', { limit: 5 })
    const other = await rawAgent(slow, { ...agent.who, operatorId: 'other' })
    const before = other.modifyQuery('services', { limit: SLOW })
    await begun.opened
    const actions: readonly (readonly [string, unknown])[] = [
      ['modify', { limit: 8 }],
      ['revert', modificationId],
      ['draft', DRAFT],
      ['approve', first],
      ['reject', second],
    ]
    for (const [action, value] of actions) {
      const parameters = { name: `${action} slowly`, action, value }
      expect(refusalOf(await agent.execute('act_slowly', parameters))).to.equal('command_timeout')
    }
    turn.open()
    ok(await before)
    for (const [action] of actions) {
      const came = ok(await agent.execute('pass', { name: `${action} slowly` }))
      expect(came['result'], action).to.equal('command_timeout')
    }
    expect(await done(agent, 'query', 'services')).to.deep.include({ limit: SLOW })
    const { changes } = await done(agent, 'changes', { status: 'pending' })
    expect(changes).to.have.length(2)
    expect(agent.seqs).to.deep.equal([1, 2, 3, 4])
  })

  it('costs nobody else anything where it fails and the command waits for it no more', async () => {
    const agent = await newcomer()
    const failures: unknown[] = []
    const onFailure = (error: unknown) => failures.push(error)
    process.on('unhandledRejection', onFailure)
    try {
      expect(refusalOf(await agent.execute('act_unheard'))).to.equal('command_timeout')
      await agent.fence()
      expect(failures).to.deep.equal([])
    } finally {
      process.off('unhandledRejection', onFailure)
    }
  })
})
