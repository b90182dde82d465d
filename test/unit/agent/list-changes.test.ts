import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { Agent } from '../../../channels/agent/agent.ts'
import { KeyedQueue } from '../../../channels/agent/keyed-queue.ts'
import { listChanges } from '../../../channels/agent/list-changes.ts'
import type {
  AgentStore,
  Document,
  Range,
  SessionKey,
} from '../../../channels/agent/store/store.ts'
import { rejectionMessage } from '../../support/rejection.ts'

const SESSION = { businessId: 'b1', sessionId: 's1' }

/** A store whose changes have no end, told of each page that is asked for. */
function endless(asked: (page: number, session: SessionKey) => void): AgentStore {
  let pages = 0
  const store: Pick<AgentStore, 'now' | 'list'> = {
    now: async () => 0,
    async list(session, _collection, { limit }: Range) {
      pages += 1
      asked(pages, session)
      return Array.from({ length: limit }, (_, at): Document => {
        const id = `chg_${String(pages * limit + at).padStart(9, '0')}`
        return { id, version: 1, value: { changeId: id, status: 'rejected' } }
      })
    },
  }
  return store as AgentStore
}

const PENDING = { status: 'pending' } as const

const agentOn = (store: AgentStore) => ({ store, lists: new KeyedQueue() }) as unknown as Agent

describe('a session’s list of changes', () => {
  it('is not read on once nobody waits for it any more', async () => {
    const controller = new AbortController()
    let pages = 0
    const store = endless((page) => {
      pages = page
      if (page === 3) controller.abort(new Error('nobody waits'))
    })
    const listing = listChanges(agentOn(store), SESSION, PENDING, controller.signal)
    expect(await rejectionMessage(listing)).to.equal('nobody waits')
    expect(pages).to.equal(3)
  })

  it('waits for the business’s others, and is not begun where nobody waits for it by then', async () => {
    const controllers = [new AbortController(), new AbortController(), new AbortController()]
    const [first, second, third] = controllers
    const asked: string[] = []
    const agent = agentOn(
      endless((page, { businessId, sessionId }) => {
        asked.push(`${businessId} ${sessionId}`)
        if (page === 6) second?.abort(new Error('over'))
        if (page === 8) for (const each of controllers) each.abort(new Error('over'))
      }),
    )
    const list = (businessId: string, sessionId: string, controller = new AbortController()) =>
      rejectionMessage(listChanges(agent, { businessId, sessionId }, PENDING, controller.signal))
    const lists = [list('b1', 's1', first), list('b1', 's2', second), list('b2', 's1', third)]
    expect(await Promise.all(lists)).to.deep.equal(['over', 'over', 'over'])
    expect(asked.filter((each) => each === 'b1 s1')).to.have.length.above(2)
    expect(asked.filter((each) => each === 'b2 s1')).to.have.length.above(2)
    expect(asked).to.not.include('b1 s2')
  })
})
