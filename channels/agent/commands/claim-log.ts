/** Which of the commands that clients have named a session remembers: the newest ones, within bounds. */
import type { Agent } from '../agent.ts'
import { NOTHING, together } from '../commit.ts'
import type { CommitPart } from '../repository/transactional.ts'
import { sortable } from '../store/keys.ts'
import { pages } from '../store/pages.ts'
import type { Document, DocumentRef, Expectation, SessionKey } from '../store/store.ts'

/** A session remembers so many, whose outcomes have so many bytes together, for so long. */
const KEPT = 10_000
const KEPT_BYTES = 16 * 1_048_576
const KEPT_MS = 24 * 3_600_000
/** Read at once: as a rule one is to be forgotten, or none. */
const PAGE = 32

const CLAIMS = { scope: 'session', name: 'commands' } as const
/** The same by age. */
const ENTRIES = { scope: 'session', name: 'commands/by-age' } as const
const LOG: DocumentRef = { scope: 'session', name: 'log', id: 'commands' }

interface Log {
  /** The time of the newest one. */
  readonly lastMs: number
  readonly count: number
  readonly bytes: number
}

interface Entry {
  readonly commandId: string
  /** It may run until then; 0: it has ended. */
  readonly until: number
  /** Of its outcome. */
  readonly bytes: number
}

export const claimRef = (commandId: string): DocumentRef => ({ ...CLAIMS, id: commandId })
const entryRef = (id: string): DocumentRef => ({ ...ENTRIES, id })
const expectsLog = (document: Document | undefined): Expectation => ({
  ref: LOG,
  version: document?.version ?? 0,
})

const logOf = (document: Document | undefined): Log =>
  (document?.value as Log | undefined) ?? { lastMs: 0, count: 0, bytes: 0 }

/** An entry, and what a commit has to contain for it. */
export interface Place {
  readonly entry: string
  readonly part: CommitPart
}

/**
 * Takes the oldest out of the log until it is within its bounds: those that do not run, and not `own`. What is left
 * of it, and what a commit has to contain that forgets the others.
 */
async function forgetting(
  { store }: Agent,
  session: SessionKey,
  log: Log,
  now: number,
  own?: string,
): Promise<{ readonly log: Log; readonly part: CommitPart }> {
  let { count, bytes } = log
  const expect: Expectation[] = []
  const remove: DocumentRef[] = []
  const rest = () => ({ log: { ...log, count, bytes }, part: { expect, put: [], remove } })
  for await (const page of pages(store, session, ENTRIES, { limit: PAGE })) {
    for (const { id, value, version } of page) {
      const entry = value as Entry
      if (entry.until > now || id === own) continue
      const isOver = count >= KEPT || bytes > KEPT_BYTES || now - Number(id) >= KEPT_MS
      if (!isOver) return rest()
      count -= 1
      bytes -= entry.bytes
      // It may be run again meanwhile.
      expect.push({ ref: entryRef(id), version })
      remove.push(entryRef(id), claimRef(entry.commandId))
    }
  }
  return rest()
}

/** What a commit has to contain to remember one more, that runs from `now` to `until` by the store's time; its place. */
export async function remembering(
  agent: Agent,
  session: SessionKey,
  commandId: string,
  { now, until }: { readonly now: number; readonly until: number },
): Promise<Place> {
  const document = await agent.store.get(session, LOG)
  const { log, part } = await forgetting(agent, session, logOf(document), now)
  const lastMs = Math.max(now, log.lastMs + 1)
  const entry = sortable(lastMs)
  const own = {
    expect: [expectsLog(document)],
    put: [
      { ref: LOG, value: { ...log, lastMs, count: log.count + 1 } satisfies Log },
      runningUntil(entry, commandId, until),
    ],
    remove: [],
  }
  return { entry, part: together(own, part) }
}

/** Says that its command runs until then; 0: that it has ended, and no outcome is kept. */
export const runningUntil = (
  entry: string,
  commandId: string,
  until: number,
): CommitPart['put'][number] => ({
  ref: entryRef(entry),
  value: { commandId, until, bytes: 0 } satisfies Entry,
})

/** What a commit has to contain so that an outcome of so many bytes is counted. */
export async function weighing(
  agent: Agent,
  session: SessionKey,
  commandId: string,
  entry: string,
  bytes: number,
): Promise<CommitPart> {
  const { store } = agent
  const document = await store.get(session, LOG)
  const known = logOf(document)
  const grown = { ...known, bytes: known.bytes + bytes }
  const { log, part } =
    grown.bytes > KEPT_BYTES
      ? await forgetting(agent, session, grown, await store.now(session), entry)
      : { log: grown, part: NOTHING }
  const own = {
    expect: [expectsLog(document)],
    put: [
      { ref: LOG, value: log },
      { ref: entryRef(entry), value: { commandId, until: 0, bytes } satisfies Entry },
    ],
    remove: [],
  }
  return together(own, part)
}
