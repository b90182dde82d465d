/**
 * Pending changes whose time has passed become expired in the store, also those that nobody looks at (contract
 * 8). What a client sees and may decide does not wait for it: see `shown` and `openChange`.
 */
import type { Agent } from './agent.ts'
import { changeRef, expired, isOverdue, keptChange, readChange } from './change.ts'
import type { Change } from './contract.ts'
import { NODE } from './node-session.ts'
import { sortable } from './store/keys.ts'
import type { Document, DocumentRef, SessionKey } from './store/store.ts'

/** Drafts, by the time at which they expire. */
const EXPIRIES = { scope: 'business', name: 'expiries' } as const
const PAGE = 100
/** Of one sweep. */
const PAGES = 10

interface Entry {
  readonly session: SessionKey
  readonly changeId: string
}

const entryRef = (change: Change): DocumentRef => {
  const id = `${sortable(Date.parse(change.expiresAt))}/${change.changeId}`
  return { ...EXPIRIES, id }
}

/**
 * Noted before the change is kept: an entry without a change is harmless, a change without one is swept by nobody.
 */
export async function noteExpiry(agent: Agent, session: SessionKey, change: Change): Promise<void> {
  const value: Entry = { session, changeId: change.changeId }
  await agent.store.commit(NODE, { expect: [], put: [{ ref: entryRef(change), value }] })
}

/**
 * Goes through the changes whose time has passed: so many at once, from the entry `start` on. Tells from where the
 * next sweep goes on. Any number of nodes may do it at the same time.
 */
export async function sweepExpired(agent: Agent, start = ''): Promise<string> {
  const before = sortable((await agent.store.now(NODE)) + 1)
  let after = start
  for (let left = PAGES; left > 0; left -= 1) {
    const page = await agent.store.list(NODE, EXPIRIES, { after, before, limit: PAGE })
    for (const entry of page) await sweepOne(agent, entry)
    const last = page.at(-1)
    if (!last) return ''
    after = last.id
  }
  return after
}

async function sweepOne(agent: Agent, { id, value }: Document): Promise<void> {
  const { session, changeId } = value as Entry
  const [document, now] = await readChange(agent, session, changeId)
  if (document && !(await isSettled(agent, session, document, now))) return
  await agent.store.commit(NODE, { expect: [], remove: [{ ...EXPIRIES, id }] })
}

/** Whether the change is decided, or expired by now. One that is being applied may be pending again. */
async function isSettled(
  agent: Agent,
  session: SessionKey,
  document: Document,
  now: number,
): Promise<boolean> {
  const kept = keptChange(document)
  if (kept.status !== 'pending') return true
  if (!isOverdue(kept, now)) return false
  const ref = changeRef(document.id)
  const { committed } = await agent.store.commit(session, {
    expect: [{ ref, version: document.version }],
    put: [{ ref, value: expired(kept) }],
  })
  return committed
}
