import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { Agent } from '../../../channels/agent/agent.ts'
import type { HistoryEntry } from '../../../channels/agent/contract.ts'
import { KeyedQueue } from '../../../channels/agent/keyed-queue.ts'
import { Messages } from '../../../channels/agent/messages.ts'
import { modifyQuery, queryHistory, revertQuery } from '../../../channels/agent/modifications.ts'
import { OperationRate } from '../../../channels/agent/operation-rate.ts'
import { Refusal } from '../../../channels/agent/refusal.ts'
import type {
  AgentStore,
  Collection,
  Document,
  DocumentRef,
} from '../../../channels/agent/store/store.ts'
import { createLocalPresence } from '../../../server/presence/local.ts'
import { createLocalPubSub } from '../../../server/pubsub/local.ts'

const KEPT = 10_000
const SESSION = { businessId: 'b1', sessionId: 's1' }
const ACTOR = { session: SESSION, operatorId: 'o1' }

/** The documents of one session, in memory: writing so many to a disk would take its time. */
function memoryStore(): AgentStore {
  const collections = new Map<string, Map<string, Document>>()
  let version = 0
  const of = ({ name }: Collection) => {
    const known = collections.get(name) ?? new Map<string, Document>()
    collections.set(name, known)
    return known
  }
  const get = (ref: DocumentRef) => of(ref).get(ref.id)
  const store: Pick<AgentStore, 'get' | 'list' | 'commit'> = {
    get: async (_session, ref) => get(ref),
    async list(_session, collection, { limit, after = '', before = '\uffff', reverse }) {
      const found = [...of(collection).values()].filter(({ id }) => id > after && id < before)
      found.sort((a, b) => (a.id < b.id ? -1 : 1))
      return (reverse ? found.reverse() : found).slice(0, limit)
    },
    async commit(_session, { expect: expected, put = [], remove = [] }) {
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
    repositories: new Map([['services', { repository: {} as never, fields: undefined }]]),
    messages: new Messages('en'),
    queue: new KeyedQueue(),
    operations: new OperationRate(),
    applyMs: 1_000,
    fourEyes: false,
    presence: createLocalPresence(createLocalPubSub()),
    now: () => Date.parse('2026-03-01T12:00:00Z'),
    onError(error) {
      throw error
    },
  }
}

/** What it says: no event of it goes anywhere here. */
const announce = () => ({}) as never

async function modify(agent: Agent, limit: number): Promise<HistoryEntry> {
  const modifications = { form: 'object', path: '', value: { limit } } as const
  const request = { repositoryType: 'services', modifications, announce }
  const outcome = await modifyQuery(agent, ACTOR, request)
  if (outcome instanceof Refusal) throw new Error(outcome.code)
  return outcome.result
}

const revert = (agent: Agent, { modificationId }: HistoryEntry) =>
  revertQuery(agent, ACTOR, modificationId, announce)

describe('the modifications of a session', () => {
  it('are kept up to the newest 10,000, all of which can be reverted', async () => {
    const agent = agentOn(memoryStore())
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
    const reverted = await queryHistory(agent, SESSION, { limit: 2 * KEPT })
    expect(reverted.filter(({ status }) => status === 'reverted')).to.have.length(KEPT)
    expect(await modify(agent, 7)).to.deep.include({ originalQuery: second.modifiedQuery })
    expect(await queryHistory(agent, SESSION, { limit: 2 * KEPT })).to.have.length(KEPT)
  })
})
