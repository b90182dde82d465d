import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { ok, type Payload, phoenixAgent, rawAgent, refusalOf } from '../../support/agent-client.ts'
import { startAgentServer, stopAgentServers } from '../../support/agent-server.ts'
import { change, drafted, propose, records, result } from './drafts.ts'
import {
  BUSINESS,
  draftTotal,
  INVOICE,
  type Invoices,
  onlyInvoice,
  startForeign,
} from './invoices.ts'

const repositoryType = 'invoices'

const DELETION = { repositoryType, operation: 'delete', recordId: 'inv_1' }
const TOO_LATE =
  'RepositoryTimeout: a repository did not answer within 500 ms: get for a draft of invoices'

let invoices: Invoices
const reset = async () => {
  invoices = await onlyInvoice()
}

const total = () => invoices.get(BUSINESS, 'inv_1')?.record['total']

describe('a repository of a module', () => {
  beforeEach(reset)
  afterEach(stopAgentServers)

  it('is queried by the session’s query, in the fields that it declares', async () => {
    const agent = await rawAgent(await startForeign())
    invoices.put(BUSINESS, { id: 'inv_2', number: 2, total: 50 })
    const filter = { field: 'total', operation: 'filter', value: 60, condition: 'gt' }
    ok(await agent.queryModify(repositoryType, [filter]))
    expect(Object.keys(await records(agent, repositoryType))).to.deep.equal(['inv_1'])
    ok(await agent.modifyQuery(repositoryType, { fields: ['customer.name'], sort: { id: 'asc' } }))
    const found = await records(agent, repositoryType)
    expect(found['inv_1']).to.deep.equal({ id: 'inv_1', customer: { name: 'Ana' } })

    const refused = await agent.modifyQuery(repositoryType, { filters: { secret: 1 } })
    expect(refused.response).to.deep.include({
      code: 'invalid_payload',
      details: [
        {
          path: '/payload/modifications/filters/secret',
          problem: 'is no field of this repository',
        },
      ],
    })
  })

  it('applies what is approved, once', async () => {
    const agent = await rawAgent(await startForeign())
    const changes = [
      await drafted(agent, 'update', { repositoryType, recordId: 'inv_1', data: { total: 1 } }),
      await drafted(agent, 'create', { repositoryType, recordId: 'inv_2', data: { total: 2 } }),
    ]
    for (const { changeId } of changes) {
      const approved = ok(await agent.approve(changeId))
      expect(approved['change']).to.deep.include({ status: 'approved', decidedBy: 'operator456' })
      expect(await agent.event('agent_changes_approved')).to.deep.equal(approved)
    }
    const found = await records(agent, repositoryType)
    expect(found).to.deep.equal({
      inv_1: { ...INVOICE, total: 1 },
      inv_2: { id: 'inv_2', total: 2 },
    })
    expect(invoices.calls).to.deep.equal(changes.map(({ changeId }) => changeId))
    const gone = await drafted(agent, 'delete', { repositoryType, recordId: 'inv_2' })
    ok(await agent.approve(gone['changeId']))
    expect(Object.keys(await records(agent, repositoryType))).to.deep.equal(['inv_1'])
  })

  it('leaves a change in conflict pending', async () => {
    const agent = await rawAgent(await startForeign())
    const changeId = await draftTotal(agent, 1)
    invoices.put(BUSINESS, { ...INVOICE, total: 2 })
    expect(refusalOf(await agent.approve(changeId))).to.equal('change_conflict')
    expect(await change(agent, changeId)).to.include({ status: 'pending' })
    expect(total()).to.equal(2)
    expect(agent.seqs).to.deep.equal([1, 2])
    ok(await agent.reject(changeId))
  })

  it('checks existence when drafting', async () => {
    const agent = await rawAgent(await startForeign())
    const create = { repositoryType, recordId: 'inv_1', data: {} }
    expect(refusalOf(await propose(agent, 'create', create))).to.equal('change_conflict')
    const remove = { repositoryType, recordId: 'inv_9' }
    expect(refusalOf(await propose(agent, 'delete', remove))).to.equal('unknown_record')
  })

  it('keeps nobody waiting while it does not answer, and drafts nothing later', async () => {
    const server = await startForeign({ applyMs: 500 })
    const agent = await rawAgent(server)
    invoices.isUnreadable = true
    const draft = agent.send(
      'agent_execute_command',
      agent.nested({ command: 'create_draft', parameters: DELETION }),
    )
    ok(await agent.modifyQuery('services', { limit: 5 }))
    await agent.event('agent_query_modified')
    expect(refusalOf(await agent.reply(draft))).to.equal('command_failed')
    expect(server.app.busy()).to.equal(false)
    expect(server.errors.map(String)).to.deep.equal([TOO_LATE])
    invoices.isUnreadable = false
    expect(await result(agent, 'list_changes')).to.deep.include({ changes: [] })
  })

  it('that hangs is logged, also where the draft’s command is over before', async () => {
    const server = await startForeign({ applyMs: 500 })
    const agent = await rawAgent(server)
    const draft = { command: 'create_draft', parameters: DELETION }
    invoices.isUnreadable = true
    const ref = agent.send('agent_execute_command', agent.nested({ ...draft, commandId: 'over' }))
    await agent.execute('list_commands')
    ok(await agent.cancel('over'))
    expect(refusalOf(await agent.reply(ref))).to.equal('command_cancelled')
    // It hangs as long, and is asked later.
    expect(refusalOf(await agent.execute('create_draft', DELETION))).to.equal('command_failed')
    expect(server.errors.map(String)).to.deep.equal([TOO_LATE, TOO_LATE])
  })

  it('takes one of many decisions', async () => {
    const server = await startForeign()
    const agents = [await rawAgent(server), await phoenixAgent(server)]
    const [agent = await rawAgent(server)] = agents
    const changeId = await draftTotal(agent, 1)
    const replies = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        index % 3 === 0
          ? (agents[index % 2] ?? agent).reject(changeId)
          : (agents[index % 2] ?? agent).approve(changeId),
      ),
    )
    const winners = replies
      .filter(({ status }) => status === 'ok')
      .map(({ response }) => (response['change'] as Payload)['status'])
    expect(winners).to.have.length(1)
    const losers = replies.filter(({ status }) => status !== 'ok').map(refusalOf)
    expect(losers).to.deep.equal(Array(49).fill('already_decided'))
    const isApproved = winners.includes('approved')
    expect(total()).to.equal(isApproved ? 1 : 100)
    expect(invoices.calls).to.have.length(isApproved ? 1 : 0)
  })

  it('is of nobody after a start without the module', async () => {
    const server = await startForeign()
    const changeId = await draftTotal(await rawAgent(server), 1)
    await server.stop()
    const agent = await rawAgent(await startAgentServer({ dataDir: server.dataDir }))
    expect(refusalOf(await agent.approve(changeId))).to.equal('unknown_repository')
    ok(await agent.reject(changeId))
  })
})

describe('a repository of a module that fails to apply', () => {
  beforeEach(reset)
  afterEach(stopAgentServers)

  for (const mood of ['breaks', 'forgets', 'mumbles', 'hangs'] as const) {
    it(`leaves the outcome open, and the next start finds it out (${mood})`, async () => {
      const server = await startForeign({ applyMs: 200 })
      const agent = await rawAgent(server)
      const changeId = await draftTotal(agent, 1)
      invoices.mood = mood
      const reply = await agent.approve(changeId)
      expect(refusalOf(reply)).to.equal('unavailable')
      expect(JSON.stringify(reply)).to.not.include('invoices.db')
      // Somebody has decided, as far as anybody can tell.
      expect(refusalOf(await agent.reject(changeId))).to.equal('already_decided')
      const waiting = await change(agent, changeId)
      expect(waiting).to.include({ status: 'pending' }).and.not.have.property('applying')
      const epoch = ok(await agent.authenticate())['epoch']

      invoices.mood = 'works'
      const next = await server.restart()
      const later = await rawAgent(next, { operatorId: 'later' }, { authenticated: false })
      ok(await later.authenticate({ lastSeq: 2, epoch }))
      const approved = await later.event('agent_changes_approved')
      expect(approved).to.deep.include({ seq: 3, changeId, operatorId: 'operator456' })
      expect(await change(later, changeId)).to.deep.equal(approved['change'])
      expect(refusalOf(await later.approve(changeId))).to.equal('already_decided')
      expect(total()).to.equal(1)
      expect(invoices.get(BUSINESS, 'inv_1')?.version).to.equal(2)

      await (await next.restart({ now: Date.now })).sweep(0)
      expect(invoices.calls).to.deep.equal([changeId, changeId])
    })
  }

  it('makes the change pending again where it is in conflict by then', async () => {
    const server = await startForeign({ now: Date.now })
    const agent = await rawAgent(server)
    const changeId = await draftTotal(agent, 1)
    invoices.mood = 'breaks'
    expect(refusalOf(await agent.approve(changeId))).to.equal('unavailable')
    invoices.mood = 'works'
    invoices.put(BUSINESS, { ...INVOICE, total: 2 })
    await server.sweep(0)
    expect(await change(agent, changeId)).to.include({ status: 'pending' })
    expect(total()).to.equal(2)
    expect(refusalOf(await agent.approve(changeId))).to.equal('change_conflict')
    ok(await agent.reject(changeId))
  })

  it('is asked again from time to time, however often clients try', async () => {
    let now = Date.parse('2026-03-01T12:00:00Z')
    const server = await startForeign({ now: () => now })
    const agent = await rawAgent(server)
    const changeId = await draftTotal(agent, 1)
    invoices.mood = 'breaks'
    expect(refusalOf(await agent.approve(changeId))).to.equal('unavailable')
    invoices.mood = 'works'
    now += 29_000
    await server.sweep(30_000)
    expect(total()).to.equal(100)
    expect(refusalOf(await agent.approve(changeId))).to.equal('already_decided')
    now += 1_000
    await server.sweep(30_000)
    expect(total()).to.equal(1)
    await agent.event('agent_changes_approved')
  })

  it('does not keep others waiting, however many it has failed', async () => {
    let now = Date.parse('2026-03-01T12:00:00Z')
    const server = await startForeign({ now: () => now })
    const agent = await rawAgent(server)
    const ids = Array.from({ length: 120 }, (_, index) => `inv_${index + 1}`)
    for (const id of ids) {
      invoices.put(BUSINESS, { id, total: 100 })
      invoices.broken.add(id)
    }
    const first = await Promise.all(ids.slice(0, 60).map((id) => draftTotal(agent, 1, id)))
    const second = await Promise.all(ids.slice(60).map((id) => draftTotal(agent, 1, id)))
    const replies = [...first, ...second].map((changeId) => agent.approve(changeId))
    expect((await Promise.all(replies)).map(refusalOf)).to.deep.equal(
      Array(120).fill('unavailable'),
    )
    invoices.broken.delete('inv_120')
    now += 60_000
    await server.sweep(30_000)
    expect(invoices.get(BUSINESS, 'inv_120')?.record['total']).to.equal(1)
    expect(total()).to.equal(100)
  })
})
