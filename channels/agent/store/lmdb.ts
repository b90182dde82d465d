import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { type Database, open, type RootDatabase } from 'lmdb'
import { withDeadline } from '../deadline.ts'
import { numbered, pageOf } from './json.ts'
import {
  collectionPrefix,
  documentKey,
  documentRange,
  keyEnd,
  keysUnder,
  sessionName,
} from './keys.ts'
import { type Plan, toPlan } from './lmdb-plan.ts'
import { type Head, LmdbSessions, type StoredEvent } from './lmdb-sessions.ts'
import { type DirectoryLock, lockDirectory } from './lock.ts'
import {
  type AgentStore,
  type Collection,
  type Commit,
  type CommitResult,
  type Document,
  type DocumentRef,
  type EventPage,
  type Range,
  type SessionHead,
  type SessionKey,
  type SessionListener,
  type SessionSubscription,
  StoreUnavailable,
} from './store.ts'
import { Subscribers } from './subscribers.ts'

const DEADLINE_MS = 5_000
const PROBE_DEADLINE_MS = 2_000
const SWEEP_EVERY_MS = 3_600_000
/** Of a sweep, one transaction looks at so many sessions, or removes about so many entries. */
const SWEEP_BATCH = 500
const FIRST_KEY = Buffer.from([0])
const REVISION_KEY = Buffer.from('revision')
const PROBE_KEY = Buffer.from('probe')
const late = () => new StoreUnavailable('the embedded store did not answer in time')

export interface LmdbStoreOptions {
  /** Made where it is missing. No other server can use it meanwhile. */
  readonly dir: string
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** Unguessable, another one at every call. */
  readonly newEpoch?: () => string
  /** Gets what listeners throw, and failures of the sweep. */
  readonly onError?: (error: unknown) => void
  /**
   * A write that takes longer rejects with StoreUnavailable; it may still happen. 5,000 ms by
   * default.
   */
  readonly deadlineMs?: number
}

/**
 * The embedded store: one directory, one server. Rejects when another server has the directory, or
 * when it cannot be opened. What a killed server had acknowledged is there, and nothing of it is in
 * the way.
 */
export async function openLmdbStore(options: LmdbStoreOptions): Promise<AgentStore> {
  mkdirSync(options.dir, { recursive: true, mode: 0o700 })
  const lock = lockDirectory(options.dir)
  try {
    return new LmdbStore(options, lock)
  } catch (error) {
    lock.release()
    throw error
  }
}

/**
 * lmdb as this store needs it. Without overlapping sync nothing is visible before it is on disk, so
 * a commit that resolves is durable, whatever is read is too, and a failed sync rejects the commit
 * (with it, nothing would ever settle). With batching by event turn a failed commit also rejects a
 * promise that nobody can reach, which would end the process; commits that wait together share a
 * transaction anyway.
 */
function openRoot(dir: string): RootDatabase {
  return open({ path: dir, noSubdir: false, overlappingSync: false, eventTurnBatching: false })
}

class LmdbStore implements AgentStore {
  readonly #lock: DirectoryLock
  readonly #root: RootDatabase
  readonly #counters: Database<number, Buffer>
  readonly #documents: Database<string, Buffer>
  readonly #sessions: LmdbSessions
  readonly #subscribers: Subscribers
  readonly #now: () => number
  readonly #onError: (error: unknown) => void
  readonly #deadlineMs: number
  readonly #sweepTimer: NodeJS.Timeout
  #probe: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(options: LmdbStoreOptions, lock: DirectoryLock) {
    this.#lock = lock
    this.#now = options.now ?? Date.now
    this.#onError = options.onError ?? (() => {})
    this.#deadlineMs = options.deadlineMs ?? DEADLINE_MS
    this.#subscribers = new Subscribers(this.#onError)
    const root = openRoot(options.dir)
    const json = { encoding: 'json', keyEncoding: 'binary' } as const
    const versioned = { encoding: 'string', keyEncoding: 'binary', useVersions: true } as const
    this.#root = root
    this.#counters = root.openDB<number, Buffer>('counters', json)
    this.#documents = root.openDB<string, Buffer>('documents', versioned)
    this.#sessions = new LmdbSessions(
      {
        heads: root.openDB<Head, Buffer>('heads', json),
        events: root.openDB<StoredEvent, Buffer>('events', json),
        documents: this.#documents,
      },
      this.#now,
      options.newEpoch ?? (() => randomBytes(16).toString('base64url')),
    )
    this.#sweepTimer = setInterval(() => void this.#sweep(), SWEEP_EVERY_MS).unref()
    void this.#sweep()
  }

  async now(): Promise<number> {
    this.#assertOpen()
    return this.#now()
  }

  async open(session: SessionKey): Promise<SessionHead> {
    const name = sessionName(session)
    const opened = this.#transact(() => {
      const head = this.#sessions.begin(name)
      const next = this.#sessions.advance(name, head, 0)
      this.#sessions.save(name, head, next)
      return { epoch: next.epoch, seq: next.seq, oldestSeq: next.oldest }
    })
    return withDeadline(opened, this.#deadlineMs, late)
  }

  async get(session: SessionKey, ref: DocumentRef): Promise<Document | undefined> {
    const key = documentKey(collectionPrefix(session, ref), ref.id)
    return this.#read(() => {
      const entry = this.#isVisible(session, ref) ? this.#documents.getEntry(key) : undefined
      return entry && toDocument(ref.id, entry)
    })
  }

  async list(session: SessionKey, collection: Collection, range: Range): Promise<Document[]> {
    const prefix = collectionPrefix(session, collection)
    const wanted = { ...documentRange(prefix, range), limit: range.limit, versions: true }
    return this.#read(() => {
      if (!this.#isVisible(session, collection)) return []
      const entries = pageOf(this.#documents.getRange(wanted), ({ value }) => value)
      return entries.map((entry) => toDocument(keyEnd(prefix, entry.key), entry))
    })
  }

  async count(session: SessionKey, collection: Collection): Promise<number> {
    const range = keysUnder(collectionPrefix(session, collection))
    return this.#read(() => {
      return this.#isVisible(session, collection) ? this.#documents.getKeysCount(range) : 0
    })
  }

  async commit(session: SessionKey, commit: Commit): Promise<CommitResult> {
    const plan = toPlan(session, commit)
    // Commits settle in the order in which they were applied, so events are announced in order.
    // One that comes after the deadline is announced too: it tells that the commit did happen.
    const committed = this.#transact(() => this.#apply(plan)).then((result) => {
      if (result.committed && result.event) {
        this.#subscribers.announce(plan.session, result.event)
      }
      return result
    })
    return withDeadline(committed, this.#deadlineMs, late)
  }

  async events(session: SessionKey, afterSeq: number, limit: number): Promise<EventPage> {
    const name = sessionName(session)
    return this.#read(() => this.#sessions.events(name, afterSeq, limit))
  }

  subscribe(session: SessionKey, listener: SessionListener): SessionSubscription {
    return { ready: undefined, end: this.#subscribers.add(sessionName(session), listener) }
  }

  /** False once it is closed. However many ask at once, one write is tried. */
  async writable(): Promise<boolean> {
    this.#probe ??= this.#transact(() => {
      this.#counters.putSync(PROBE_KEY, Date.now())
    }).finally(() => {
      this.#probe = undefined
    })
    const deadlineMs = Math.min(PROBE_DEADLINE_MS, this.#deadlineMs)
    return withDeadline(this.#probe, deadlineMs, late).then(
      () => true,
      () => false,
    )
  }

  /** Waits for the writes that have begun; rejects with StoreUnavailable when they take too long. */
  close(): Promise<void> {
    this.#closing ??= withDeadline(this.#shutDown(), this.#deadlineMs, late)
    return this.#closing
  }

  async #shutDown(): Promise<void> {
    clearInterval(this.#sweepTimer)
    // lmdb lets the transactions that wait happen first.
    await this.#root.close()
    this.#lock.release()
  }

  /**
   * Reads all and checks all before it writes: what a callback has written when it throws is kept.
   */
  #apply(plan: Plan): CommitResult {
    if (this.#now() >= plan.before) return { committed: false }
    const head = this.#sessions.begin(plan.session)
    const isAsExpected = plan.expect.every(({ key, version }) =>
      version === 0 ? !this.#documents.doesExist(key) : this.#documents.doesExist(key, version),
    )
    if (!isAsExpected) return { committed: false }
    const next = this.#sessions.advance(plan.session, head, plan.event ? 1 : 0)
    const revision = 1 + (this.#counters.get(REVISION_KEY) ?? 0)

    this.#counters.putSync(REVISION_KEY, revision)
    for (const { key, json } of plan.put) this.#documents.putSync(key, json, revision)
    for (const key of plan.remove) this.#documents.removeSync(key)
    const event = plan.event && numbered(next, plan.event.event, plan.event.payload)
    this.#sessions.save(plan.session, head, next, event)
    return { committed: true, event }
  }

  /** Runs `action` in a write transaction. Resolves with its result when that is on disk. */
  async #transact<T>(action: () => T): Promise<T> {
    this.#assertOpen()
    try {
      return await this.#root.transaction(action)
    } catch (error) {
      throw new StoreUnavailable('the embedded store did not write', { cause: await reason(error) })
    }
  }

  async #read<T>(read: () => T): Promise<T> {
    this.#assertOpen()
    try {
      return read()
    } catch (error) {
      throw new StoreUnavailable('the embedded store did not read', { cause: error })
    }
  }

  /** The documents of a session end with it, before they are removed. */
  #isVisible(session: SessionKey, collection: Collection): boolean {
    return (
      collection.scope === 'business' || this.#sessions.live(sessionName(session)) !== undefined
    )
  }

  async #sweep(): Promise<void> {
    try {
      for (let next: Buffer | undefined = FIRST_KEY; next && this.#closing === undefined; ) {
        const start: Buffer = next
        next = await this.#transact(() => this.#sessions.sweep(start, SWEEP_BATCH))
      }
    } catch (error) {
      this.#onError(error)
    }
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new StoreUnavailable('the embedded store is closed')
  }
}

function toDocument(id: string, entry: { value: string; version?: number }): Document {
  return { id, version: entry.version ?? 0, value: JSON.parse(entry.value) }
}

/**
 * Why lmdb did not commit: a promise on the error, which would end the process if nobody awaited
 * it.
 */
async function reason(error: unknown): Promise<unknown> {
  if (!(error instanceof Error && 'commitError' in error)) return error
  return Promise.resolve(error.commitError).catch((cause: unknown) => cause)
}
