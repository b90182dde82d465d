import { type Static, Type as T } from '@sinclair/typebox'
import type { Agent } from './agent.ts'
import { CHANGES, keptChange, shown } from './change.ts'
import { CHANGE_STATUSES, type Change, Reference } from './contract.ts'
import { jsonBytes } from './json-bytes.ts'
import { pages } from './store/pages.ts'
import { type AgentStore, PAGE_BYTES, type SessionKey } from './store/store.ts'

const DEFAULT_LIMIT = 100
const PAGE = 200

/** What `list_changes` takes. */
export const ListChangesParameters = T.Object({
  status: T.Optional(T.Unsafe<Change['status']>({ type: 'string', enum: [...CHANGE_STATUSES] })),
  limit: T.Optional(T.Integer({ minimum: 1, maximum: 200 })),
  /** The changeId to go on after. */
  after: T.Optional(Reference),
})
export type ListChangesParameters = Static<typeof ListChangesParameters>

export interface ListedChanges {
  /** Oldest first. */
  readonly changes: readonly Change[]
  /** The changeId to go on after; null at the end. */
  readonly next: string | null
}

/**
 * A session's changes: as many as are asked for, and as one answer may hold. Rejects once `signal` is aborted: nobody
 * waits for them any more.
 */
export function listChanges(
  { store, lists }: Agent,
  session: SessionKey,
  options: ListChangesParameters,
  signal: AbortSignal,
): Promise<ListedChanges> {
  return lists.run(session.businessId, () => search(store, session, options, signal))
}

async function search(
  store: AgentStore,
  session: SessionKey,
  { status, limit = DEFAULT_LIMIT, after }: ListChangesParameters,
  signal: AbortSignal,
): Promise<ListedChanges> {
  signal.throwIfAborted()
  const now = await store.now(session)
  const changes: Change[] = []
  let bytes = 0
  const range = { limit: PAGE, ...(after !== undefined && { after }) }
  for await (const page of pages(store, session, CHANGES, range)) {
    signal.throwIfAborted()
    const listed = page.map((document) => shown(keptChange(document), now))
    for (const change of listed) {
      if (status !== undefined && change.status !== status) continue
      bytes += jsonBytes(change)
      const last = changes.at(-1)
      const isFull = changes.length === limit || bytes > PAGE_BYTES
      if (last && isFull) return { changes, next: last.changeId }
      changes.push(change)
    }
  }
  return { changes, next: null }
}
