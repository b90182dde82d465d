/** A session's queries and their history: modify, revert, list (contract 7). */
import { setImmediate } from 'node:timers/promises'
import type { Actor, Agent } from './agent.ts'
import { type Committed, changeFor } from './commit.ts'
import type { HistoryEntry, Unnumbered } from './contract.ts'
import { timeIn } from './ids.ts'
import { newestEntry, nextEntry } from './journal.ts'
import { applyModificationObject, applyModifications } from './query/modify.ts'
import { defaultQuery, type Modification, type Query } from './query/query.ts'
import { invalid, Refusal, refusal } from './refusal.ts'
import { isReverted, type Reverts, withRevert } from './reverts.ts'
import type { Document, DocumentRef, Expectation, SessionKey } from './store/store.ts'

const HISTORY = { scope: 'session', name: 'modifications' } as const
const JOURNAL = { collection: HISTORY, prefix: 'mod', kept: 10_000 } as const

const queryRef = (repositoryType: string): DocumentRef => ({
  scope: 'session',
  name: 'queries',
  id: repositoryType,
})
const revertsRef = (repositoryType: string): DocumentRef => ({
  scope: 'session',
  name: 'reverts',
  id: repositoryType,
})
const historyRef = (id: string): DocumentRef => ({ ...HISTORY, id })
const expects = (ref: DocumentRef, document: Document | undefined): Expectation => ({
  ref,
  version: document?.version ?? 0,
})

/** The session's current query of one repository type. */
export async function currentQuery(
  agent: Agent,
  session: SessionKey,
  repositoryType: string,
): Promise<Query> {
  const document = await agent.store.get(session, queryRef(repositoryType))
  return (document?.value as Query | undefined) ?? defaultQuery(repositoryType)
}

/** The list of `agent_query_modify`, or the object of `agent_modify_query`, as the client sent it. */
export interface Modifications {
  readonly form: 'list' | 'object'
  readonly value: unknown
  /** JSON Pointer of the value in the request. */
  readonly path: string
}

export interface ModifyRequest {
  readonly repositoryType: string
  readonly modifications: Modifications
  /** The payload of the event that tells of it. */
  readonly announce: (entry: HistoryEntry) => Unnumbered<'agent_query_modified'>
}

/** What is wrong with modifications whatever they are applied to: part of the request's shape (contract 5.4). */
export function malformed(modifications: Modifications): Refusal | undefined {
  const outcome = applyTo(defaultQuery(''), modifications)
  return outcome instanceof Refusal ? outcome : undefined
}

function applyTo(
  query: Query,
  { form, value, path }: Modifications,
  fields?: ReadonlySet<string>,
): { readonly query: Query; readonly list: readonly Modification[] } | Refusal {
  const apply = form === 'list' ? applyModifications : applyModificationObject
  const applied = apply(query, value, fields)
  return 'problems' in applied ? invalid(path, applied.problems) : applied
}

/** Applies modifications to the session's query, whole or not at all, and records them. */
export async function modifyQuery(
  agent: Agent,
  actor: Actor,
  request: ModifyRequest,
): Promise<Committed<HistoryEntry> | Refusal> {
  const { repositoryType, modifications } = request
  const known = agent.repositories.get(repositoryType)
  if (!known) return refusal('unknown_repository')
  const { store } = agent
  const { session, operatorId } = actor
  return await changeFor(agent, actor, async () => {
    const [queryDocument, next] = await Promise.all([
      store.get(session, queryRef(repositoryType)),
      nextEntry(agent, session, JOURNAL),
    ])
    const originalQuery = (queryDocument?.value as Query) ?? defaultQuery(repositoryType)
    const applied = applyTo(originalQuery, modifications, known.fields)
    if (applied instanceof Refusal) return applied

    const entry: HistoryEntry = {
      originalQuery,
      modifications: applied.list,
      modifiedQuery: applied.query,
      modificationId: next.id,
      timestamp: new Date(next.now).toISOString(),
      repositoryType,
      status: 'active',
      operatorId,
    }
    return {
      result: entry,
      commit: {
        expect: [expects(queryRef(repositoryType), queryDocument), ...next.expect],
        put: [
          { ref: queryRef(repositoryType), value: applied.query },
          { ref: historyRef(next.id), value: entry },
          ...next.put,
        ],
        remove: next.remove,
        event: { event: 'agent_query_modified', payload: request.announce(entry) },
      },
    }
  })
}

/**
 * Sets a query back to what it was before a modification. That one and every later one of its repository count as
 * reverted from then on.
 */
export async function revertQuery(
  agent: Agent,
  actor: Actor,
  modificationId: string,
  announce: (entry: HistoryEntry, now: number) => Unnumbered<'agent_query_reverted'>,
): Promise<Committed<HistoryEntry> | Refusal> {
  const { store } = agent
  const { session } = actor
  return await changeFor(agent, actor, async () => {
    const document = await store.get(session, historyRef(modificationId))
    if (!document) return refusal('unknown_modification')
    const entry = document.value as HistoryEntry
    const { repositoryType } = entry
    const [queryDocument, revertsDocument, newest, now] = await Promise.all([
      store.get(session, queryRef(repositoryType)),
      store.get(session, revertsRef(repositoryType)),
      newestEntry(agent, session, JOURNAL),
      store.now(session),
    ])
    const reverts = revertsIn(revertsDocument)
    if (statusOf(entry, reverts) === 'reverted') return refusal('already_reverted')
    const revert = [timeIn(modificationId), newest.lastMs] as const
    return {
      result: entry,
      commit: {
        // The newest one moves with every modification: expecting it is expecting that none came since.
        expect: [
          expects(historyRef(modificationId), document),
          expects(queryRef(repositoryType), queryDocument),
          expects(revertsRef(repositoryType), revertsDocument),
          newest.expect,
        ],
        put: [
          { ref: queryRef(repositoryType), value: entry.originalQuery },
          { ref: revertsRef(repositoryType), value: withRevert(reverts, revert, JOURNAL.kept) },
        ],
        event: { event: 'agent_query_reverted', payload: announce(entry, now) },
      },
    }
  })
}

const revertsIn = (document: Document | undefined): Reverts =>
  (document?.value as Reverts | undefined) ?? []

/** Reverts once wrote the status into each entry. */
const statusOf = (entry: HistoryEntry, reverts: Reverts): HistoryEntry['status'] =>
  isReverted(reverts, timeIn(entry.modificationId)) ? 'reverted' : entry.status

/**
 * The newest modifications, older than `before` where it is given, as many as one answer may hold; the oldest of them
 * comes first. Others have their turn before it: the embedded store answers at once.
 */
export async function queryHistory(
  agent: Agent,
  session: SessionKey,
  { limit = 200, before }: { readonly limit?: number; readonly before?: string },
): Promise<readonly HistoryEntry[]> {
  await setImmediate()
  const range = { limit, reverse: true, ...(before !== undefined && { before }) }
  const page = await agent.store.list(session, HISTORY, range)
  const entries = page.map(({ value }) => value as HistoryEntry).reverse()
  const types = [...new Set(entries.map(({ repositoryType }) => repositoryType))]
  const documents = await Promise.all(
    types.map((type) => agent.store.get(session, revertsRef(type))),
  )
  const reverts = new Map(types.map((type, at) => [type, revertsIn(documents[at])]))
  return entries.map((entry) => ({
    ...entry,
    status: statusOf(entry, reverts.get(entry.repositoryType) ?? []),
  }))
}
