import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import type { Agent } from '../../../channels/agent/agent.ts'
import { changeRef } from '../../../channels/agent/change.ts'
import type { Change } from '../../../channels/agent/contract.ts'
import { noteExpiry, sweepExpired } from '../../../channels/agent/expire-changes.ts'
import { openLmdbStore } from '../../../channels/agent/store/lmdb.ts'
import { ok, type Payload, rawAgent, refusalOf, text } from '../../support/agent-client.ts'
import { REPOSITORIES, startAgentServer, stopAgentServers } from '../../support/agent-server.ts'
import { inPlaceOf } from '../../support/in-place-of.ts'
import { change, drafted, draftPrice, listed } from './drafts.ts'
import { onlyInvoice } from './invoices.ts'

const DAY_MS = 86_400_000
const NOON = Date.parse('2026-03-01T12:00:00Z')

describe('a change whose time has passed', () => {
  afterEach(stopAgentServers)

  it('expires by itself, whatever the clock says later, and no event tells of it', async () => {
    let now = NOON
    const server = await startAgentServer({ now: () => now })
    const agent = await rawAgent(server)
    const other = await rawAgent(server, { sessionId: 'other' })
    const old = await draftPrice(agent, 1)
    const elsewhere = await draftPrice(other, 1)
    now += 1
    const young = await draftPrice(agent, 2)
    const before = await change(agent, old)

    now = NOON + DAY_MS - 1
    await server.sweep(0)
    expect(await change(agent, old)).to.deep.equal(before)
    now = NOON + DAY_MS
    await server.sweep(0)
    now = NOON
    expect(await change(agent, old)).to.deep.equal({ ...before, status: 'expired' })
    expect(await listed(agent, 'expired')).to.deep.equal([old])
    expect(await listed(agent, 'pending')).to.deep.equal([young])
    expect(await listed(other, 'expired')).to.deep.equal([elsewhere])
    expect(refusalOf(await agent.approve(old))).to.equal('change_expired')
    expect(refusalOf(await agent.reject(old))).to.equal('change_expired')
    ok(await agent.reject(young))
    await agent.fence()
    const events = agent.numbered.map((payload) => payload['change'] ?? payload['result'])
    expect(events.map((each) => (each as Payload)['status'])).to.deep.equal([
      ...Array(4).fill('pending'),
      'rejected',
    ])
  })

  it('is listed as what it is before it is swept, and after that', async () => {
    let now = NOON
    const server = await startAgentServer({ now: () => now })
    const agent = await rawAgent(server)
    const [old, decided] = [await draftPrice(agent, 1), await draftPrice(agent, 2)]
    ok(await agent.approve(decided))
    now += DAY_MS
    const young = await draftPrice(agent, 3)
    for (const sweep of [async () => {}, () => server.sweep(0), () => server.sweep(0)]) {
      await sweep()
      expect(await listed(agent, 'pending')).to.deep.equal([young])
      expect(await listed(agent, 'expired')).to.deep.equal([old])
      expect(await listed(agent, 'approved')).to.deep.equal([decided])
    }
  })

  it('waits while a repository applies it, and then expires if it is pending again', async () => {
    const invoices = await onlyInvoice({ id: 'inv_1', total: 1 })
    let now = NOON
    const server = await startAgentServer({ now: () => now, repositories: REPOSITORIES })
    const agent = await rawAgent(server)
    const parameters = { repositoryType: 'invoices', recordId: 'inv_1', data: { total: 2 } }
    const changeId = text(await drafted(agent, 'update', parameters), 'changeId')
    now += DAY_MS - 1
    invoices.mood = 'breaks'
    expect(refusalOf(await agent.approve(changeId))).to.equal('unavailable')
    now += 1
    await server.sweep(0)
    expect(await change(agent, changeId)).to.include({ status: 'pending' })

    invoices.mood = 'works'
    invoices.put('business123', { id: 'inv_1', total: 3 })
    await server.sweep(0)
    await server.sweep(0)
    now = NOON
    expect(await change(agent, changeId)).to.include({ status: 'expired' })
    expect(refusalOf(await agent.approve(changeId))).to.equal('change_expired')
  })
})

describe('a sweep of changes whose time has passed', () => {
  let dir: string
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'expiry-'))
  })
  afterEach(() => rm(dir, { recursive: true }))

  it('does so many, goes on where it was, and is held up by none that it cannot expire', async () => {
    let now = NOON
    const store = await openLmdbStore({ dir, now: () => now })
    const agent = { store } as Agent
    const session = { businessId: 'b1', sessionId: 's1' }
    const changes = Array.from({ length: 1_050 }, (_, index) => {
      const kept = {
        changeId: `chg_${String(index).padStart(4, '0')}`,
        status: 'pending',
        expiresAt: new Date(NOON + index).toISOString(),
        ...(index < 1_010 && { applying: { by: 'op', since: NOON } }),
      }
      return kept as unknown as Change
    })
    const put = changes.map((value) => ({ ref: changeRef(value.changeId), value }))
    await Promise.all(changes.map((each) => noteExpiry(agent, session, each)))
    await store.commit(session, { expect: [], put })
    const expired = async (): Promise<number> => {
      const all = await store.list(session, changeRef(''), { limit: 2_000 })
      return all.filter(({ value }) => (value as Change).status === 'expired').length
    }

    now += DAY_MS
    const reached = await sweepExpired(agent)
    expect([reached === '', await expired()]).to.deep.equal([false, 0])
    expect(await sweepExpired(agent, reached)).to.equal('')
    expect(await expired()).to.equal(40)
    await store.close()
  })

  it('is not ended by a page that the store cuts short', async () => {
    const opened = await openLmdbStore({ dir, now: () => NOON + 10 })
    const store = inPlaceOf(opened, {
      list: (session, collection, range) =>
        opened.list(session, collection, { ...range, limit: 1 }),
    })
    const agent = { store } as Agent
    const session = { businessId: 'b1', sessionId: 's1' }
    const expiresAt = new Date(NOON).toISOString()
    for (const changeId of ['chg_1', 'chg_2']) {
      const value = { changeId, status: 'pending', expiresAt } as unknown as Change
      await noteExpiry(agent, session, value)
      await opened.commit(session, { expect: [], put: [{ ref: changeRef(changeId), value }] })
    }
    await sweepExpired(agent)
    const kept = await opened.list(session, changeRef(''), { limit: 10 })
    expect(kept.map(({ value }) => (value as Change).status)).to.deep.equal(['expired', 'expired'])
    await opened.close()
  })
})
