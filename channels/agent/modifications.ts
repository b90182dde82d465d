/** A session's queries and their history: modify, revert, list (contract 7). */
import type { Actor, Agent } from './agent.ts'
import { type Committed, change } from './commit.ts'
import type { HistoryEntry, Unnumbered } from './contract.ts'
import { timedId } from './ids.ts'
import { applyModificationObject, applyModifications } from './query/modify.ts'
import { defaultQuery, type Modification, type Query } from './query/query.ts'
import { invalid, Refusal, refusal } from './refusal.ts'
import type { Document, DocumentRef, Expectation, SessionKey } from './store/store.ts'

/** A session keeps so many of its newest modifications. */
const KEPT = 10_000
const PAGE = 500

const HISTORY = { scope: 'session', name: 'modifications' } as const
const LOG: DocumentRef = { scope: 'session', name: 'log', id: 'modifications' }

/** The time in the newest id, and how many modifications are kept. */
interface Log {
  readonly lastMs: number
  readonly count: number
}

const queryRef = (repositoryType: string): DocumentRef => ({
  scope: 'session',
  name: 'queries',
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
  return await change(agent, session, async () => {
    const [queryDocument, logDocument] = await Promise.all([
      store.get(session, queryRef(repositoryType)),
      store.get(session, LOG),
    ])
    const originalQuery = (queryDocument?.value as Query) ?? defaultQuery(repositoryType)
    const applied = applyTo(originalQuery, modifications, known.fields)
    if (applied instanceof Refusal) return applied

    const log = (logDocument?.value as Log | undefined) ?? { lastMs: 0, count: 0 }
    const now = agent.now()
    const { id, ms } = timedId('mod', now, log.lastMs)
    const entry: HistoryEntry = {
      originalQuery,
      modifications: applied.list,
      modifiedQuery: applied.query,
      modificationId: id,
      timestamp: new Date(now).toISOString(),
      repositoryType,
      status: 'active',
      operatorId,
    }
    const oldest = log.count < KEPT ? [] : await store.list(session, HISTORY, { limit: 1 })
    const count = log.count + 1 - oldest.length
    return {
      result: entry,
      commit: {
        expect: [expects(queryRef(repositoryType), queryDocument), expects(LOG, logDocument)],
        put: [
          { ref: queryRef(repositoryType), value: applied.query },
          { ref: historyRef(id), value: entry },
          { ref: LOG, value: { lastMs: ms, count } satisfies Log },
        ],
        remove: oldest.map((each) => historyRef(each.id)),
        event: { event: 'agent_query_modified', payload: request.announce(entry) },
      },
    }
  })
}

/**
 * Sets a query back to what it was before a modification, and marks that one and every later one of its
 * repository as reverted.
 */
export async function revertQuery(
  agent: Agent,
  { session }: Actor,
  modificationId: string,
  announce: (entry: HistoryEntry) => Unnumbered<'agent_query_reverted'>,
): Promise<Committed<HistoryEntry> | Refusal> {
  const { store } = agent
  return await change(agent, session, async () => {
    const document = await store.get(session, historyRef(modificationId))
    if (!document) return refusal('unknown_modification')
    const entry = document.value as HistoryEntry
    if (entry.status === 'reverted') return refusal('already_reverted')
    const [queryDocument, logDocument, later] = await Promise.all([
      store.get(session, queryRef(entry.repositoryType)),
      store.get(session, LOG),
      activeSince(agent, session, entry),
    ])
    const reverted = later.map((each) => ({
      ref: historyRef(each.modificationId),
      value: { ...each, status: 'reverted' } satisfies HistoryEntry,
    }))
    return {
      result: entry,
      commit: {
        // The log moves with every modification: expecting it is expecting that none came since.
        expect: [
          expects(historyRef(modificationId), document),
          expects(queryRef(entry.repositoryType), queryDocument),
          expects(LOG, logDocument),
        ],
        put: [{ ref: queryRef(entry.repositoryType), value: entry.originalQuery }, ...reverted],
        event: { event: 'agent_query_reverted', payload: announce(entry) },
      },
    }
  })
}

/** The entry itself, and every active one of its repository that came later. */
async function activeSince(
  agent: Agent,
  session: SessionKey,
  entry: HistoryEntry,
): Promise<readonly HistoryEntry[]> {
  const active = [entry]
  let after = entry.modificationId
  for (;;) {
    const page = await agent.store.list(session, HISTORY, { after, limit: PAGE })
    const entries = page.map(({ value }) => value as HistoryEntry)
    active.push(
      ...entries.filter(
        ({ repositoryType, status }) =>
          repositoryType === entry.repositoryType && status === 'active',
      ),
    )
    const last = page.at(-1)
    if (!last || page.length < PAGE) return active
    after = last.id
  }
}

/** The newest modifications, older than `before` where it is given; the oldest of them comes first. */
export async function queryHistory(
  agent: Agent,
  session: SessionKey,
  { limit = 200, before }: { readonly limit?: number; readonly before?: string },
): Promise<readonly HistoryEntry[]> {
  const range = { limit, reverse: true, ...(before !== undefined && { before }) }
  const page = await agent.store.list(session, HISTORY, range)
  return page.map(({ value }) => value as HistoryEntry).reverse()
}
