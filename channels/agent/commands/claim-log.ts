/** Which of the commands that clients have named a session remembers: the newest ones, within bounds. */
import type { Agent } from '../agent.ts'
import type { CommitPart } from '../repository/transactional.ts'
import { sortable } from '../store/keys.ts'
import type { Document, DocumentRef, Expectation, SessionKey } from '../store/store.ts'

/** A session remembers so many, whose outcomes have so many bytes together, for so long. */
const KEPT = 10_000
const KEPT_BYTES = 16 * 1_048_576
const KEPT_MS = 24 * 3_600_000
/** Forgotten at most with each one that comes. */
const FORGOTTEN_AT_ONCE = 8

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

/** What a commit has to contain to remember one more at the store's time `now`, and the id of its entry. */
export async function remembering(
  { store }: Agent,
  session: SessionKey,
  commandId: string,
  now: number,
): Promise<{ readonly entry: string; readonly part: CommitPart }> {
  const [document, oldest] = await Promise.all([
    store.get(session, LOG),
    store.list(session, ENTRIES, { limit: FORGOTTEN_AT_ONCE }),
  ])
  const log = logOf(document)
  let { count, bytes } = log
  const remove: DocumentRef[] = []
  for (const { id, value } of oldest) {
    const isOver = count >= KEPT || bytes > KEPT_BYTES || now - Number(id) >= KEPT_MS
    if (!isOver) break
    const entry = value as Entry
    count -= 1
    bytes -= entry.bytes
    remove.push(entryRef(id), claimRef(entry.commandId))
  }
  const lastMs = Math.max(now, log.lastMs + 1)
  const entry = sortable(lastMs)
  return {
    entry,
    part: {
      expect: [expectsLog(document)],
      put: [
        { ref: LOG, value: { lastMs, count: count + 1, bytes } satisfies Log },
        { ref: entryRef(entry), value: { commandId, bytes: 0 } satisfies Entry },
      ],
      remove,
    },
  }
}

/** What a commit has to contain so that an outcome of so many bytes is counted. */
export async function weighing(
  { store }: Agent,
  session: SessionKey,
  commandId: string,
  entry: string,
  bytes: number,
): Promise<CommitPart> {
  const document = await store.get(session, LOG)
  const log = logOf(document)
  return {
    expect: [expectsLog(document)],
    put: [
      { ref: LOG, value: { ...log, bytes: log.bytes + bytes } satisfies Log },
      { ref: entryRef(entry), value: { commandId, bytes } satisfies Entry },
    ],
    remove: [],
  }
}
