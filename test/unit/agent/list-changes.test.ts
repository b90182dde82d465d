import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { Agent } from '../../../channels/agent/agent.ts'
import { listChanges } from '../../../channels/agent/list-changes.ts'
import type { AgentStore, Document, Range } from '../../../channels/agent/store/store.ts'

const SESSION = { businessId: 'b1', sessionId: 's1' }

/** A store whose changes have no end, told of each page that is asked for. */
function endless(asked: (page: number) => void): AgentStore {
  let pages = 0
  const store: Pick<AgentStore, 'now' | 'list'> = {
    now: async () => 0,
    async list(_session, _collection, { limit }: Range) {
      pages += 1
      asked(pages)
      return Array.from({ length: limit }, (_, at): Document => {
        const id = `chg_${String(pages * limit + at).padStart(9, '0')}`
        return { id, version: 1, value: { changeId: id, status: 'rejected' } }
      })
    },
  }
  return store as AgentStore
}

describe('a session’s list of changes', () => {
  it('is not read on once nobody waits for it any more', async () => {
    const controller = new AbortController()
    let pages = 0
    const store = endless((page) => {
      pages = page
      if (page === 3) controller.abort(new Error('nobody waits'))
    })
    const listing = listChanges(
      { store } as Agent,
      SESSION,
      { status: 'pending' },
      controller.signal,
    )
    const failure = await listing.catch((error: unknown) => error)
    expect(failure).to.have.property('message', 'nobody waits')
    expect(pages).to.equal(3)
  })
})
