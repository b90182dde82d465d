import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import type { Agent } from '../../../channels/agent/agent.ts'
import { APPLYING, entryRef } from '../../../channels/agent/apply-foreign.ts'
import { changeRef, keptChange } from '../../../channels/agent/change.ts'
import type { Change } from '../../../channels/agent/contract.ts'
import { NODE } from '../../../channels/agent/node-session.ts'
import { openLmdbStore } from '../../../channels/agent/store/lmdb.ts'
import { type AgentStore, StoreUnavailable } from '../../../channels/agent/store/store.ts'
import { sweepApplying } from '../../../channels/agent/sweep-applying.ts'
import { createLogger, errorLog } from '../../../server/logger.ts'
import { type AgentClient, ok, rawAgent, refusalOf } from '../../support/agent-client.ts'
import { startAgentServer, stopAgentServers } from '../../support/agent-server.ts'
import { inPlaceOf } from '../../support/in-place-of.ts'
import { eventually } from '../redis/node.ts'
import { change } from './drafts.ts'
import {
  BUSINESS,
  draftTotal,
  INVOICE,
  type Invoices,
  onlyInvoice,
  startForeign,
} from './invoices.ts'

const NOON = Date.parse('2026-03-01T12:00:00Z')
const DAY_MS = 24 * 3_600_000

let invoices: Invoices

const total = (id: string) => invoices.get(BUSINESS, id)?.record['total']

/** Approves a change of each record, which breaks: they are left, in this order. Their ids. */
async function leave(agent: AgentClient, ...records: readonly string[]): Promise<string[]> {
  const left: string[] = []
  for (const record of records) {
    invoices.put(BUSINESS, { id: record, total: 100 })
    const type = record.startsWith('rec') ? 'receipts' : 'invoices'
    left.push(await draftTotal(agent, 1, record, type))
  }
  invoices.mood = 'breaks'
  const replies = await Promise.all(left.map((changeId) => agent.approve(changeId)))
  expect(replies.map(refusalOf)).to.deep.equal(records.map(() => 'unavailable'))
  invoices.mood = 'works'
  invoices.calls = []
  return left
}

/** What is noted as being applied. */
const noted = async (store: AgentStore) =>
  (await store.list(NODE, APPLYING, { limit: 10 })).map(({ id }) => id)

describe('a sweep of what is half applied', () => {
  beforeEach(async () => {
    invoices = await onlyInvoice()
  })
  afterEach(async () => {
    await stopAgentServers()
    invoices.reset()
  })

  it('is not waited for by a start', async () => {
    const server = await startForeign({ applyMs: 200 })
    await leave(await rawAgent(server), 'inv_1', 'inv_2', 'rec_1')
    invoices.mood = 'hangs'
    const agent = await rawAgent(await server.restart({ applyMs: 600_000 }))
    ok(await agent.modifyQuery('services', { limit: 5 }))
  })

  it('asks a repository that hangs once, each time about another change, and no other waits', async () => {
    const server = await startForeign({ now: Date.now, applyMs: 200 })
    const records = ['inv_1', 'inv_2', 'inv_3', 'inv_4', 'rec_1'] as const
    const [first, second, third, fourth, receipt] = await leave(await rawAgent(server), ...records)
    for (const id of ['inv_1', 'inv_3']) invoices.hanging.add(id)
    const sweep = async () => {
      invoices.calls = []
      await server.sweep(0)
      return invoices.calls
    }
    expect(await sweep()).to.deep.equal([first, receipt])
    expect(await sweep()).to.deep.equal([second, third])
    expect(await sweep()).to.deep.equal([fourth, first])
    expect(records.map(total)).to.deep.equal([100, 1, 100, 1, 1])
    invoices.hanging.clear()
    expect(await sweep()).to.deep.equal([third, first])
    expect(await sweep()).to.deep.equal([])
  })

  it('is one at a time', async () => {
    const server = await startForeign({ now: Date.now, applyMs: 200 })
    const [left] = await leave(await rawAgent(server), 'inv_1')
    invoices.mood = 'hangs'
    await Promise.all([server.sweep(0), server.sweep(0)])
    expect(invoices.calls).to.deep.equal([left])
  })

  it('at the start leaves alone what this server applies itself', async () => {
    const server = await startForeign({ applyMs: 1_000 })
    // More than a sweep reads at once.
    const records = Array.from({ length: 100 }, (_, index) => `inv_${index}`)
    const [left] = await leave(await rawAgent(server), ...records)
    invoices.mood = 'hangs'
    const agent = await rawAgent(await server.restart())
    const own = await draftTotal(agent, 1, 'inv_1', 'receipts')
    expect(refusalOf(await agent.approve(own))).to.equal('unavailable')
    expect(invoices.calls).to.deep.equal([left, own])
  })

  it('removes what could not be removed with the decision, which stands', async () => {
    let store = {} as AgentStore
    const server = await startForeign({
      now: Date.now,
      store(opened) {
        store = opened
        return inPlaceOf(opened, {
          async commit(session, commit) {
            if (!commit.remove?.length) return opened.commit(session, commit)
            throw new StoreUnavailable('not now')
          },
        })
      },
    })
    const agent = await rawAgent(server)
    const changeId = await draftTotal(agent, 1)
    ok(await agent.approve(changeId))
    await agent.event('agent_changes_approved')
    expect(await noted(store)).to.deep.equal([changeId])
    expect(server.errors.map(String)).to.deep.equal(['StoreUnavailable: not now'])
    await server.stop()

    const next = await server.restart({ store: (opened) => (store = opened) })
    await next.sweep(0)
    expect(await noted(store)).to.deep.equal([])
    expect(invoices.calls).to.deep.equal([changeId])
  })

  it('does not remove what somebody notes anew meanwhile', async () => {
    let store = {} as AgentStore
    let isRenewed = false
    const server = await startForeign({
      now: Date.now,
      store(opened) {
        store = opened
        return inPlaceOf(opened, {
          async list(session, collection, range) {
            const page = await opened.list(session, collection, range)
            if (isRenewed) return page
            isRenewed = true
            const put = page.map(({ id, value }) => ({ ref: { ...APPLYING, id }, value }))
            await opened.commit(NODE, { expect: [], put })
            return page
          },
        })
      },
    })
    const agent = await rawAgent(server)
    const changeId = await draftTotal(agent, 1)
    invoices.put(BUSINESS, { ...INVOICE, total: 2 })
    expect(refusalOf(await agent.approve(changeId))).to.equal('change_conflict')
    await server.sweep(0)
    expect([isRenewed, await noted(store)]).to.deep.equal([true, [changeId]])
    await server.sweep(0)
    expect(await noted(store)).to.deep.equal([])
  })

  it('settles the claim that it asked about, and no later one', async () => {
    let store = {} as AgentStore
    let gets: number | undefined
    const server = await startForeign({
      now: Date.now,
      store(opened) {
        store = opened
        return inPlaceOf(opened, {
          async get(session, ref) {
            if (ref.name !== 'changes' || gets === undefined) return opened.get(session, ref)
            gets += 1
            const document = await opened.get(session, ref)
            if (gets !== 2 || !document) return document
            // Another node's sweep was faster, and somebody approves it again.
            const value = { ...keptChange(document), applying: { by: 'op', since: Date.now() + 1 } }
            await opened.commit(session, { expect: [], put: [{ ref, value }] })
            return opened.get(session, ref)
          },
        })
      },
    })
    const agent = await rawAgent(server)
    const [changeId] = await leave(agent, 'inv_1')
    invoices.put(BUSINESS, { ...INVOICE, total: 2 })
    gets = 0
    await server.sweep(0)
    expect(invoices.calls).to.deep.equal([changeId])
    expect(await noted(store)).to.deep.equal([changeId])
    expect(refusalOf(await agent.reject(changeId))).to.equal('already_decided')
  })

  it('gives up, when its time has passed, what no repository holds any more', async () => {
    let now = NOON
    const options = { now: () => now, applyMs: 200 }
    const server = await startForeign(options)
    const [changeId] = await leave(await rawAgent(server), 'inv_1')
    await server.stop()
    const later = await startAgentServer({ dataDir: server.dataDir, ...options })
    const agent = await rawAgent(later)
    now += DAY_MS - 1
    await later.sweep(0)
    expect(refusalOf(await agent.reject(changeId))).to.equal('already_decided')
    now += 1
    await later.sweep(0)
    expect(refusalOf(await agent.reject(changeId))).to.equal('change_expired')
    expect(await change(agent, changeId)).to.include({ status: 'expired' })
    expect(later.errors.map(String)).to.deep.equal([
      `UnknownOutcome: nobody knows whether these were applied, and no repository is left to ask: ${changeId} of invoices`,
    ])
    await later.sweep(0)
    expect(later.errors).to.have.length(1)
  })
})

describe('a sweep that gives up many changes', () => {
  const changeIds = Array.from({ length: 450 }, (_, index) => `chg_${index + 1_000}`)
  const session = { businessId: 'b1', sessionId: 's1' }
  let dir: string
  let store: AgentStore
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'sweep-'))
    store = await openLmdbStore({ dir, now: () => NOON })
    const expiresAt = new Date(NOON).toISOString()
    const applying = { by: 'op', since: 0 }
    const put = changeIds.flatMap((changeId) => [
      {
        ref: changeRef(changeId),
        value: { changeId, repositoryType: 'gone', status: 'pending', expiresAt, applying },
      },
      { ref: entryRef(changeId), value: { session, changeId, since: 0 } },
    ])
    await store.commit(session, {
      expect: [],
      put: put.filter(({ ref }) => ref.scope === 'session'),
    })
    await store.commit(NODE, { expect: [], put: put.filter(({ ref }) => ref.scope === 'business') })
  })
  afterEach(async () => {
    await store.close()
    await rm(dir, { recursive: true })
  })

  it('names each in the log, however seldom that takes a line', async () => {
    const lines: string[] = []
    const destination = { write: (line: string) => void lines.push(line) }
    const logger = createLogger({ level: 'error', nodeName: 'n', destination })
    const named = () => new Set(lines.join('').match(/chg_\d+/g)).size
    const expired = async () => {
      const all = await store.list(session, changeRef(''), { limit: 1_000 })
      return all.filter(({ value }) => (value as Change).status === 'expired').length
    }
    for (const most of [400, 450]) {
      // Each sweep is long after the one before.
      const onError = errorLog(logger, () => most * 1_000)
      await sweepApplying(
        { store, repositories: new Map(), onError } as unknown as Agent,
        () => true,
      )
      expect([named(), await expired()]).to.deep.equal([most, most])
    }
  })
})

describe('an approval of a foreign repository’s change', () => {
  beforeEach(async () => {
    invoices = await onlyInvoice()
  })
  afterEach(async () => {
    await stopAgentServers()
    invoices.reset()
  })

  it('holds back none of the session’s events while it is applied', async () => {
    const server = await startForeign({ applyMs: 600_000 })
    const [agent, other] = [await rawAgent(server), await rawAgent(server)]
    const changeId = await draftTotal(agent, 1)
    invoices.mood = 'hangs'
    const approving = agent.send('agent_approve_changes', agent.nested({ changeId }))
    await eventually(
      async () => invoices.calls,
      ({ length }) => length === 1,
    )
    ok(await other.modifyQuery('services', { limit: 5 }))
    await agent.event('agent_query_modified')
    invoices.reset()
    expect(refusalOf(await agent.reply(approving))).to.equal('unavailable')
  })
})
