/** What a session keeps of one kind in the order in which it was made, up to so many. */
import type { Agent } from './agent.ts'
import { timedId } from './ids.ts'
import type {
  Collection,
  Commit,
  Document,
  DocumentRef,
  Expectation,
  SessionKey,
} from './store/store.ts'

export interface Journal {
  readonly collection: Collection
  /** Of the ids of its entries. */
  readonly prefix: 'mod' | 'chg'
  /** How many of the newest entries are kept. */
  readonly kept: number
}

/** The time in the newest id, and how many entries are kept. */
interface Log {
  readonly lastMs: number
  readonly count: number
}

/** An entry to come, and what the commit that makes it has to contain beside it. */
export interface NextEntry extends Required<Pick<Commit, 'expect' | 'put' | 'remove'>> {
  /** Greater than those of all entries before it. */
  readonly id: string
  /** The store's time. */
  readonly now: number
  /** What it makes way for, where there are as many as are kept. */
  readonly oldest: Document | undefined
}

/** The time in the newest id, and what a commit has to expect that is made while there is no newer one. */
export interface Newest {
  readonly lastMs: number
  readonly expect: Expectation
}

const logRef = ({ collection }: Journal): DocumentRef => ({
  scope: 'session',
  name: 'log',
  id: collection.name,
})

export async function newestEntry(
  agent: Agent,
  session: SessionKey,
  journal: Journal,
): Promise<Newest> {
  const ref = logRef(journal)
  const document = await agent.store.get(session, ref)
  const { lastMs } = await logOf(agent, session, journal, document)
  return { lastMs, expect: { ref, version: document?.version ?? 0 } }
}

export async function nextEntry(
  agent: Agent,
  session: SessionKey,
  journal: Journal,
): Promise<NextEntry> {
  const { store } = agent
  const ref = logRef(journal)
  const [document, now] = await Promise.all([store.get(session, ref), store.now(session)])
  const log = await logOf(agent, session, journal, document)
  const [oldest] =
    log.count < journal.kept ? [] : await store.list(session, journal.collection, { limit: 1 })
  const { id, ms } = timedId(journal.prefix, now, log.lastMs)
  const next: Log = { lastMs: ms, count: log.count + (oldest ? 0 : 1) }
  return {
    id,
    now,
    oldest,
    expect: [{ ref, version: document?.version ?? 0 }],
    put: [{ ref, value: next }],
    remove: oldest ? [{ ...journal.collection, id: oldest.id }] : [],
  }
}

/** Of a journal that was not counted yet, the time alone is kept. */
async function logOf(
  { store }: Agent,
  session: SessionKey,
  { collection }: Journal,
  document: Document | undefined,
): Promise<Log> {
  const kept = document?.value as Log | number | undefined
  if (typeof kept === 'object') return kept
  return {
    lastMs: kept ?? 0,
    count: kept === undefined ? 0 : await store.count(session, collection),
  }
}
