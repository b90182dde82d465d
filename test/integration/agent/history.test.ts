import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import type { AgentStore } from '../../../channels/agent/store/store.ts'
import {
  type AgentClient,
  ok,
  outcome,
  type Payload,
  rawAgent,
  refusalOf,
} from '../../support/agent-client.ts'
import { startAgentServer, stopAgentServers } from '../../support/agent-server.ts'
import { numbers } from '../../support/numbers.ts'
import { records } from './drafts.ts'

const MAX_ANSWER_BYTES = 1_048_576

const DEFAULT = {
  repository: 'services',
  filters: {},
  fields: [],
  sort: {},
  limit: 100,
  offset: 0,
}

const history = async (agent: AgentClient, range: object = {}) =>
  ok(await agent.history(range))['history'] as readonly Payload[]

const ids = (entries: readonly Payload[]) => entries.map(({ modificationId }) => modificationId)

/** Modifies a query once for each limit; the ids of the modifications. */
async function modify(
  agent: AgentClient,
  limits: readonly number[],
  type = 'services',
): Promise<readonly unknown[]> {
  const made: unknown[] = []
  for (const limit of limits)
    made.push(ok(await agent.modifyQuery(type, { limit }))['modificationId'])
  return made
}

describe('the history of a session', () => {
  afterEach(stopAgentServers)

  it('has both kinds of modifications, as lists, with who made them', async () => {
    const server = await startAgentServer()
    const agent = await rawAgent(server)
    const other = await rawAgent(server, { operatorId: 'other' })
    ok(await agent.modifyQuery('services', { limit: 5, filters: { price: { gt: 100 } } }))
    const list = [
      { field: 'price', operation: 'filter', value: 200, condition: 'lt' },
      { field: 'fields', operation: 'add', value: 'price' },
      { field: 'limit', operation: 'remove' },
    ]
    ok(await other.queryModify('services', list))
    const first = { ...DEFAULT, limit: 5, filters: { price: { gt: 100 } } }
    const second = { ...DEFAULT, fields: ['price'], filters: { price: { lt: 200 } } }
    const entries = await history(agent)
    for (const { timestamp, modificationId, ...rest } of entries) {
      const [, ms] = /^mod_(\d+)_[\w-]+$/.exec(String(modificationId)) ?? []
      // Two of one millisecond have different ones in their ids.
      const at = Date.parse(String(timestamp))
      expect(Number(ms)).to.be.within(at, at + 1)
      expect(rest).to.include({ repositoryType: 'services', status: 'active' })
    }
    expect(
      entries.map(({ originalQuery, modifiedQuery, modifications, operatorId }) => {
        return { originalQuery, modifiedQuery, modifications, operatorId }
      }),
    ).to.deep.equal([
      {
        originalQuery: DEFAULT,
        modifiedQuery: first,
        modifications: [
          { field: 'limit', operation: 'modify', value: 5 },
          { field: 'filters', operation: 'modify', value: { price: { gt: 100 } } },
        ],
        operatorId: 'operator456',
      },
      { originalQuery: first, modifiedQuery: second, modifications: list, operatorId: 'other' },
    ])
    expect(await history(other)).to.deep.equal(entries)
  })

  it('lists the newest, the oldest of them first, and goes back from there', async () => {
    const agent = await rawAgent(await startAgentServer())
    const made = await modify(agent, [1, 2, 3, 4, 5, 6, 7])
    expect(ids(await history(agent))).to.deep.equal(made)
    expect(ids(await history(agent, { limit: 3 }))).to.deep.equal(made.slice(4))
    const earlier = { limit: 3, before: made[4] }
    expect(ids(await history(agent, earlier))).to.deep.equal(made.slice(1, 4))
    expect(ids(await history(agent, { before: made[1] }))).to.deep.equal(made.slice(0, 1))
    expect(await history(agent, { before: made[0] })).to.deep.equal([])
  })

  it('gives 200 at most, and 200 unless told', async () => {
    const agent = await rawAgent(await startAgentServer())
    const limits = numbers(1, 205)
    await Promise.all(limits.map((limit) => agent.modifyQuery('services', { limit })))
    const entries = await history(agent)
    expect(entries).to.have.length(200)
    expect(entries.map(({ modifiedQuery }) => (modifiedQuery as Payload)['limit'])).to.deep.equal(
      limits.slice(5),
    )
    expect(await history(agent, { limit: 200 })).to.deep.equal(entries)
  })

  it('ends a page where it is large enough, and goes back from there', async () => {
    const agent = await rawAgent(await startAgentServer())
    const made: unknown[] = []
    for (let count = 0; count < 12; count += 1) {
      const value = Object.fromEntries(
        Array.from({ length: 12 }, (_, at) => [`f${at}`, `${count}${'x'.repeat(9_990)}`]),
      )
      made.push(ok(await agent.modifyQuery('services', { filters: value }))['modificationId'])
    }
    const pages: (readonly unknown[])[] = []
    for (let page: readonly unknown[] = ['mod_9']; page.length > 0; pages.unshift(page)) {
      const entries = await history(agent, { before: page[0] })
      expect(JSON.stringify(entries)).to.have.length.below(MAX_ANSWER_BYTES)
      page = ids(entries)
    }
    expect(pages.flat()).to.deep.equal(made)
    expect(pages.map(({ length }) => length)).to.deep.equal([0, 2, 2, 2, 2, 2, 2])
    expect(agent.log.filter(({ event }) => event === 'agent_query_history')).to.have.length(7)
  })

  it('has what was reverted when each modification still said so itself', async () => {
    let opened: AgentStore | undefined
    const store = (given: AgentStore) => {
      opened = given
      return given
    }
    const agent = await rawAgent(await startAgentServer({ store }))
    const [first, second, third] = (await modify(agent, [1, 2, 3])).map(String)
    const session = { businessId: 'business123', sessionId: 'session123' }
    for (const id of [second ?? '', third ?? '']) {
      const ref = { scope: 'session', name: 'modifications', id } as const
      const entry = (await opened?.get(session, ref))?.value as Payload
      await opened?.commit(session, {
        expect: [],
        put: [{ ref, value: { ...entry, status: 'reverted' } }],
      })
    }
    const statuses = async () => (await history(agent)).map(({ status }) => status)
    expect(await statuses()).to.deep.equal(['active', 'reverted', 'reverted'])
    expect(refusalOf(await agent.revert(third))).to.equal('already_reverted')
    ok(await agent.revert(first))
    await modify(agent, [4])
    expect(await statuses()).to.deep.equal(['reverted', 'reverted', 'reverted', 'active'])
  })

  it('has nothing of a modification that was refused, not even its good part', async () => {
    const agent = await rawAgent(await startAgentServer())
    const list = [
      { field: 'limit', operation: 'modify', value: 1 },
      { field: 'limit', operation: 'modify', value: 0 },
    ]
    expect((await agent.queryModify('services', list)).status).to.equal('error')
    expect(await history(agent)).to.deep.equal([])
    expect(Object.keys(await records(agent))).to.have.length(3)
  })

  it('keeps modifications that were made at the same time, or by a clock that was set back, in order', async () => {
    let now = Date.parse('2026-03-01T12:00:00Z')
    const agent = await rawAgent(await startAgentServer({ now: () => now }))
    const made = [...(await modify(agent, [1, 2, 3]))]
    now -= 60_000
    made.push(...(await modify(agent, [4, 5])))
    expect(ids(await history(agent))).to.deep.equal(made)
    expect(ids(await history(agent, { before: made[3] }))).to.deep.equal(made.slice(0, 3))
  })

  it('is there after a restart, with the query as it was', async () => {
    const server = await startAgentServer()
    const agent = await rawAgent(server)
    const [first] = await modify(agent, [1, 2])
    ok(await agent.revert(first))
    await modify(agent, [2])
    const entries = await history(agent)
    const later = await rawAgent(await server.restart())
    expect(await history(later)).to.deep.equal(entries)
    expect(Object.keys(await records(later))).to.have.length(2)
    const [again] = await modify(later, [3])
    expect(ids(await history(later)).at(-1)).to.equal(again)
  })
})

describe('a revert', () => {
  afterEach(stopAgentServers)

  const statuses = async (agent: AgentClient) => (await history(agent)).map(({ status }) => status)

  it('sets the query back, and marks what came later in its repository', async () => {
    const agent = await rawAgent(await startAgentServer())
    const [, second] = await modify(agent, [1, 2])
    await modify(agent, [1], 'customers')
    await modify(agent, [3])
    const reverted = ok(await agent.revert(second))
    expect(reverted['originalQuery']).to.deep.equal({ ...DEFAULT, limit: 1 })
    expect(await statuses(agent)).to.deep.equal(['active', 'reverted', 'active', 'reverted'])
    expect(Object.keys(await records(agent))).to.have.length(1)
    expect(Object.keys(await records(agent, 'customers'))).to.have.length(1)
    const next = ok(await agent.modifyQuery('services', { offset: 1 }))
    expect(next['modifiedQuery']).to.deep.equal({ ...DEFAULT, limit: 1, offset: 1 })
    expect(await statuses(agent)).to.deep.equal([
      ...['active', 'reverted', 'active', 'reverted', 'active'],
    ])
  })

  it('of something reverted, by itself or with an earlier one, is refused', async () => {
    const agent = await rawAgent(await startAgentServer())
    const [first, second, third] = await modify(agent, [1, 2, 3])
    ok(await agent.revert(second))
    for (const id of [second, third]) {
      expect(refusalOf(await agent.revert(id))).to.equal('already_reverted')
    }
    expect(ok(await agent.revert(first))['originalQuery']).to.deep.equal(DEFAULT)
    expect(await statuses(agent)).to.deep.equal(['reverted', 'reverted', 'reverted'])
  })

  it('of one modification takes effect once, however many ask', async () => {
    const server = await startAgentServer()
    const agents = [await rawAgent(server), await rawAgent(server, { operatorId: 'other' })]
    const [agent = await rawAgent(server)] = agents
    const [first] = await modify(agent, [1, 2])
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (agents[index % 2] ?? agent).revert(first)),
    )
    expect(replies.map(outcome).sort()).to.deep.equal([...Array(19).fill('already_reverted'), 'ok'])
  })
})
