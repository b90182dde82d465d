import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import type { Agent } from '../../../channels/agent/agent.ts'
import type { HistoryEntry } from '../../../channels/agent/contract.ts'
import { KeyedQueue } from '../../../channels/agent/keyed-queue.ts'
import { Messages } from '../../../channels/agent/messages.ts'
import { modifyQuery, queryHistory, revertQuery } from '../../../channels/agent/modifications.ts'
import { OperationRate } from '../../../channels/agent/operation-rate.ts'
import { defaultQuery } from '../../../channels/agent/query/query.ts'
import { Refusal } from '../../../channels/agent/refusal.ts'
import { type Reverts, withRevert } from '../../../channels/agent/reverts.ts'
import type {
  AgentStore,
  Collection,
  Commit,
  Document,
  DocumentRef,
} from '../../../channels/agent/store/store.ts'
import { createLocalPresence } from '../../../server/presence/local.ts'
import { createLocalPubSub } from '../../../server/pubsub/local.ts'

const KEPT = 10_000
const TYPES = ['services', 'customers'] as const
const SESSION = { businessId: 'b1', sessionId: 's1' }
const ACTOR = { session: SESSION, operatorId: 'o1' }

/** By it, ids are made and times are told. */
const STORE_TIME = Date.parse('2026-03-01T12:00:00Z')

/** The documents of one session, in memory: writing so many to a disk would take its time. */
function memoryStore(onCommit: (commit: Commit) => unknown = () => {}): AgentStore {
  const collections = new Map<string, Map<string, Document>>()
  let version = 0
  const of = ({ name }: Collection) => {
    const known = collections.get(name) ?? new Map<string, Document>()
    collections.set(name, known)
    return known
  }
  const get = (ref: DocumentRef) => of(ref).get(ref.id)
  const store: Pick<AgentStore, 'now' | 'get' | 'list' | 'commit'> = {
    now: async () => STORE_TIME,
    get: async (_session, ref) => get(ref),
    async list(_session, collection, { limit, after = '', before = '\uffff', reverse }) {
      const found = [...of(collection).values()].filter(({ id }) => id > after && id < before)
      found.sort((a, b) => (a.id < b.id ? -1 : 1))
      return (reverse ? found.reverse() : found).slice(0, limit)
    },
    async commit(_session, commit) {
      onCommit(commit)
      const { expect: expected, put = [], remove = [] } = commit
      const isAsExpected = expected.every((each) => (get(each.ref)?.version ?? 0) === each.version)
      if (!isAsExpected) return { committed: false }
      version += 1
      for (const { ref, value } of put) of(ref).set(ref.id, { id: ref.id, version, value })
      for (const ref of remove) of(ref).delete(ref.id)
      return { committed: true, event: undefined }
    },
  }
  return store as AgentStore
}

function agentOn(store: AgentStore): Agent {
  return {
    store,
    events: store,
    repositories: new Map(
      TYPES.map((type) => [type, { repository: {} as never, fields: undefined }]),
    ),
    messages: new Messages('en'),
    queue: new KeyedQueue(),
    lists: new KeyedQueue(),
    operations: new OperationRate(),
    applyMs: 1_000,
    fourEyes: false,
    presence: createLocalPresence(createLocalPubSub()),
    now: () => 0,
    onError(error) {
      throw error
    },
  }
}

/** What it says: no event of it goes anywhere here. */
const announce = () => ({}) as never

async function modify(
  agent: Agent,
  limit: number,
  repositoryType = 'services',
): Promise<HistoryEntry> {
  const modifications = { form: 'object', path: '', value: { limit } } as const
  const request = { repositoryType, modifications, announce }
  const outcome = await modifyQuery(agent, ACTOR, request)
  if (outcome instanceof Refusal) throw new Error(outcome.code)
  return outcome.result
}

const revert = (agent: Agent, { modificationId }: HistoryEntry) =>
  revertQuery(agent, ACTOR, modificationId, announce)

/** What was made, in its order, and what has become of it. */
interface Modelled {
  readonly entry: HistoryEntry
  status: HistoryEntry['status']
}

const isActiveOf = (type: string) => (each: Modelled) =>
  each.entry.repositoryType === type && each.status === 'active'

/** Modifies the query that the model's newest active modification left. */
async function modifyAs(model: readonly Modelled[], agent: Agent, type: string): Promise<Modelled> {
  const entry = await modify(agent, model.length + 1, type)
  const last = model.findLast(isActiveOf(type))
  expect(entry.originalQuery).to.deep.equal(last?.entry.modifiedQuery ?? defaultQuery(type))
  return { entry, status: 'active' }
}

/** Reverts where the model says that it can be, and with it what came later. */
async function revertAs(model: readonly Modelled[], agent: Agent, at: number): Promise<void> {
  const [first, ...later] = model.slice(at)
  if (!first) return
  const outcome = await revert(agent, first.entry)
  if (first.status === 'reverted') {
    expect(outcome).to.include({ code: 'already_reverted' })
    return
  }
  expect(outcome).to.deep.include({ result: first.entry })
  const taken = later.filter(isActiveOf(first.entry.repositoryType))
  for (const each of [first, ...taken]) each.status = 'reverted'
}

describe('the modifications of a session', () => {
  it('are kept up to the newest 10,000, all of which can be reverted', async () => {
    const written: Commit[] = []
    const agent = agentOn(memoryStore((commit) => written.push(commit)))
    const made: HistoryEntry[] = []
    for (let count = 0; count < KEPT + 2; count += 1) {
      made.push(await modify(agent, (count % 1_000) + 1))
    }
    const [first, second, third] = made
    if (!(first && second && third)) throw new Error('nothing was made')
    const kept = await queryHistory(agent, SESSION, { limit: 2 * KEPT })
    expect(kept).to.deep.equal(made.slice(2))
    for (const gone of [first, second]) {
      expect(await revert(agent, gone)).to.include({ code: 'unknown_modification' })
    }
    expect(await revert(agent, third)).to.deep.include({ result: third })
    expect(JSON.stringify(written.at(-1)), 'whatever it takes back').to.have.length.below(1_000)
    const reverted = await queryHistory(agent, SESSION, { limit: 2 * KEPT })
    expect(reverted.filter(({ status }) => status === 'reverted')).to.have.length(KEPT)
    expect(await modify(agent, 7)).to.deep.include({ originalQuery: second.modifiedQuery })
    expect(await queryHistory(agent, SESSION, { limit: 2 * KEPT })).to.have.length(KEPT)
  })

  it('are what a plain model says of them, however they are made and reverted', async () => {
    const turn = fc.record({ type: fc.option(fc.constantFrom(...TYPES)), at: fc.nat() })
    const property = fc.asyncProperty(fc.array(turn, { maxLength: 40 }), async (turns) => {
      const agent = agentOn(memoryStore())
      const model: Modelled[] = []
      for (const { type, at } of turns) {
        if (type) model.push(await modifyAs(model, agent, type))
        else if (model.length > 0) await revertAs(model, agent, at % model.length)
      }
      const expected = model.map(({ entry, status }) => ({ ...entry, status }))
      expect(await queryHistory(agent, SESSION, {})).to.deep.equal(expected)
    })
    await fc.assert(property, { numRuns: 300 })
  })

  it('keep no more reverts than can hold any of them', () => {
    const spans = [1, 3, 5, 7].reduce<Reverts>(
      (reverts, ms) => withRevert(reverts, [ms, ms + 1], 3),
      [],
    )
    expect(spans).to.deep.equal([
      [3, 4],
      [5, 6],
      [7, 8],
    ])
    expect(withRevert(spans, [2, 9], 3)).to.deep.equal([[2, 9]])
  })

  it('are listed one request in a turn of the loop, however many are asked for in one go', async () => {
    const agent = agentOn(memoryStore())
    let turns = 0
    const count = () => {
      turns += 1
      next = setImmediate(count)
    }
    let next = setImmediate(count)
    for (let asked = 0; asked < 10; asked += 1) await queryHistory(agent, SESSION, {})
    clearImmediate(next)
    expect(turns).to.be.at.least(9)
  })

  it('have the time of the store, not of the node', async () => {
    const { timestamp, modificationId } = await modify(agentOn(memoryStore()), 1)
    expect(timestamp).to.equal(new Date(STORE_TIME).toISOString())
    expect(modificationId).to.include(`mod_${STORE_TIME}_`)
  })
})
