import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { businessKey } from '../../../channels/agent/repository/transactional.ts'
import type { AgentStore } from '../../../channels/agent/store/store.ts'
import { ok, type Payload, rawAgent, refusalOf } from '../../support/agent-client.ts'
import { type AgentServer, startAgentServer, stopAgentServers } from '../../support/agent-server.ts'
import { change, drafted, propose, records, result } from './drafts.ts'

const MAX_RECORD_BYTES = 131_072
const MAX_RECORDS = 10_000
const MAX_CHANGES = 10_000
const MAX_ANSWER_BYTES = 1_048_576
/** Of a large record. */
const LARGE = 'x'.repeat(60_000)

/** A server without records, and the store it stands on. */
async function start(): Promise<{ readonly server: AgentServer; readonly store: AgentStore }> {
  let opened: AgentStore | undefined
  const server = await startAgentServer({
    bare: true,
    store(store) {
      opened = store
      return store
    },
  })
  if (!opened) throw new Error('a server without a store')
  return { server, store: opened }
}

/** Puts so many records, as an older server may have left them. */
async function fill(store: AgentStore, count: number, fields: object = {}): Promise<void> {
  const put = Array.from({ length: count }, (_, at) => {
    const id = `r${at + 100_000}`
    return {
      ref: { scope: 'business', name: 'records/services', id } as const,
      value: { ...fields, id },
    }
  })
  await store.commit(businessKey('business123'), { expect: [], put })
}

const SESSION = { businessId: 'business123', sessionId: 'session123' }
const LOG = { scope: 'session', name: 'log', id: 'changes' } as const

/** What is counted of the session's changes. */
const logIn = async (store: AgentStore) => (await store.get(SESSION, LOG))?.value as Payload

const writeLog = (store: AgentStore, value: unknown) =>
  store.commit(SESSION, { expect: [], put: [{ ref: LOG, value }] })

const isWhole = (payload: unknown) =>
  expect(Buffer.byteLength(JSON.stringify(payload))).to.be.below(MAX_ANSWER_BYTES + 1_000)

describe('a record', () => {
  afterEach(stopAgentServers)

  it('becomes no larger than 128 KiB, whether at once or little by little', async () => {
    const { server } = await start()
    const agent = await rawAgent(server)
    // What is around the text: {"id":"a","text":""}
    const largest = MAX_RECORD_BYTES - 20
    const fits = await drafted(agent, 'create', {
      recordId: 'a',
      data: { text: 'x'.repeat(largest) },
    })
    ok(await agent.approve(fits['changeId']))
    const tooLarge = [
      propose(agent, 'create', { recordId: 'b', data: { text: 'x'.repeat(largest + 1) } }),
      propose(agent, 'create', { recordId: 'b', data: { text: 'é'.repeat(largest / 2 + 1) } }),
      propose(agent, 'update', { recordId: 'a', data: { more: 1 } }),
      // Whatever the record is, and whether it is there: the draft alone is too large.
      propose(agent, 'create', { recordId: 'a', data: { text: 'x'.repeat(largest + 1) } }),
      propose(agent, 'update', { recordId: 'b', data: { text: 'x'.repeat(largest + 1) } }),
    ]
    for (const reply of await Promise.all(tooLarge)) {
      expect(refusalOf(reply)).to.equal('invalid_payload')
      expect(reply.response['details']).to.deep.equal([
        {
          path: '/payload/parameters',
          problem: 'makes the record larger than 131072 bytes of JSON',
        },
      ])
    }
    expect((await result(agent, 'list_changes'))['changes']).to.have.length(1)
    ok(await propose(agent, 'update', { recordId: 'a', data: { text: null, more: 1 } }))
    ok(await propose(agent, 'delete', { recordId: 'a' }))
  })

  it('that is one too many of its type is not created, until there is room', async () => {
    const { server, store } = await start()
    const agent = await rawAgent(server)
    await fill(store, MAX_RECORDS)
    const { changeId } = await drafted(agent, 'create', { recordId: 'a', data: {} })
    expect(refusalOf(await agent.approve(changeId))).to.equal('rate_limited')
    expect((await change(agent, changeId))['status']).to.equal('pending')
    const others = ['customers', 'services'].map((repositoryType, at) => {
      return propose(agent, at === 0 ? 'create' : 'delete', {
        repositoryType,
        ...(at === 0 ? { data: {} } : { recordId: 'r100000' }),
      })
    })
    for (const reply of await Promise.all(others)) {
      ok(await agent.approve((ok(reply)['result'] as Payload)['changeId']))
    }
    ok(await agent.approve(changeId))
  })
})

describe('the changes of a session', () => {
  afterEach(stopAgentServers)

  it('are the newest 10,000: an older one goes, but none that waits for a decision', async () => {
    const { server, store } = await start()
    const agent = await rawAgent(server)
    const draft = () => propose(agent, 'create', { data: {} })
    const [first, second] = [await drafted(agent, 'create', { data: {} }), ok(await draft())]
    const log = await logIn(store)
    await writeLog(store, { ...log, count: MAX_CHANGES })
    expect(refusalOf(await draft())).to.equal('rate_limited')
    ok(await agent.reject(first['changeId']))
    ok(await draft())
    expect(refusalOf(await agent.execute('get_change', { changeId: first['changeId'] }))).to.equal(
      'unknown_change',
    )
    expect(refusalOf(await draft())).to.equal('rate_limited')
    expect((await result(agent, 'list_changes'))['changes']).to.have.length(2)
    expect((second['result'] as Payload)['status']).to.equal('pending')
  })

  it('are counted also where they were not before', async () => {
    const { server, store } = await start()
    const agent = await rawAgent(server)
    await drafted(agent, 'create', { data: {} })
    const later = Number((await logIn(store))['lastMs']) + 1_000_000
    await writeLog(store, later)
    const { changeId } = await drafted(agent, 'create', { data: {} })
    expect(changeId).to.include(`chg_${later + 1}_`)
    expect(await logIn(store)).to.deep.equal({ lastMs: later + 1, count: 2 })
  })
})

describe('an answer', () => {
  afterEach(stopAgentServers)

  it('of run_query is refused where it is too large, and says what to do', async () => {
    const { server, store } = await start()
    const agent = await rawAgent(server)
    const other = await rawAgent(server, { businessId: 'b2' })
    // More than a search may hold, where all of it is on the page.
    await fill(store, 700, { text: LARGE })
    const ask = () => agent.execute('run_query', { repositoryType: 'services' })
    const modify = async (modifications: object) =>
      ok(await agent.modifyQuery('services', modifications))
    for (const limit of [100, 1_000]) {
      await modify({ limit })
      const reply = await ask()
      expect(refusalOf(reply)).to.equal('invalid_payload')
      expect(reply.response['details']).to.deep.equal([
        {
          path: '/payload/parameters/repositoryType',
          problem:
            'its query finds too much at once: set a smaller limit or offset, or fewer fields',
        },
      ])
    }
    await modify({ fields: ['id'] })
    expect(Object.keys(await records(agent))).to.have.length(700)
    await modify({ fields: [], limit: 17, offset: 50 })
    const found = ok(await ask())
    isWhole(found)
    expect((found['result'] as Payload)['total']).to.equal(700)
    expect(await records(other)).to.deep.equal({})
  })

  it('of list_changes ends where it is large enough, and goes on from there', async () => {
    const { server } = await start()
    const agent = await rawAgent(server)
    const ids: unknown[] = []
    for (let left = 40; left > 0; left -= 1) {
      ids.push((await drafted(agent, 'create', { data: { text: LARGE } }))['changeId'])
    }
    const found: unknown[] = []
    const sizes: number[] = []
    for (let after: unknown = 'chg_'; after !== null; ) {
      const page = await result(agent, 'list_changes', { limit: 200, after })
      isWhole(page)
      const changes = page['changes'] as readonly Payload[]
      sizes.push(changes.length)
      found.push(...changes.map(({ changeId }) => changeId))
      after = page['next']
    }
    expect(found).to.deep.equal(ids)
    expect(sizes).to.deep.equal([17, 17, 6])
  })
})
