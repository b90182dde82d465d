/**
 * Where the state of agent sessions lives. One interface, one contract suite; implementations beside it.
 *
 * State is documents. Whoever changes something reads documents with their versions, computes in plain
 * TypeScript, and commits: the commit takes effect as a whole or, when a document it was based on has
 * moved on, not at all. Nothing else writes, so nothing can half happen.
 *
 * Session events are numbered by the commit that makes them: 1, 2, 3 … per session, in commit order.
 */

/** A session of one business. Two businesses with the same `sessionId` share nothing. */
export interface SessionKey {
  readonly businessId: string
  readonly sessionId: string
}

/** A set of documents: one session's own, or shared by all sessions of its business. */
export interface Collection {
  readonly scope: 'session' | 'business'
  /** `[A-Za-z0-9_.:/-]`, chosen by the program, never by a client. */
  readonly name: string
}

/**
 * One document. `id` is any well-formed text of at most 256 UTF-8 bytes (others reject with RangeError);
 * documents of a collection sort by it.
 */
export interface DocumentRef extends Collection {
  readonly id: string
}

export interface Document {
  readonly id: string
  /** At least 1, grows with every write, and is never used twice for one document, even after removal. */
  readonly version: number
  /** A JSON value. */
  readonly value: unknown
}

/** A document as a commit expects it: version 0 means that there is none. */
export interface Expectation {
  readonly ref: DocumentRef
  readonly version: number
}

export interface Commit {
  /** What the decision was based on. One that is at another version refuses the whole commit. */
  readonly expect: readonly Expectation[]
  /** At this time of the store, or later, the whole commit is refused. Milliseconds since 1970. */
  readonly before?: number
  /** Comes before `remove`. A value without JSON form rejects with TypeError. */
  readonly put?: readonly { readonly ref: DocumentRef; readonly value: unknown }[]
  readonly remove?: readonly DocumentRef[]
  /** Numbered, kept and announced with the commit. The payload is a JSON object without `seq`. */
  readonly event?: { readonly event: string; readonly payload: object }
}

export type CommitResult =
  | { readonly committed: true; readonly event: SessionEvent | undefined }
  | { readonly committed: false }

/** A numbered event. */
export interface SessionEvent {
  /** Of the session whose number it is. */
  readonly epoch: string
  readonly seq: number
  readonly event: string
  /** JSON text of the payload, `seq` included (its first member). */
  readonly json: string
}

export interface SessionHead {
  /**
   * Random, made when the session begins, and again where the store comes back with less than it had told: under
   * another one, the numbers belong to other events.
   */
  readonly epoch: string
  /** The number of the newest event; 0 when there was none yet. */
  readonly seq: number
  /** The lowest number still kept; `seq + 1` when none is. */
  readonly oldestSeq: number
}

export interface EventPage {
  /** The session's epoch when this was read; undefined where there is no session. */
  readonly epoch: string | undefined
  readonly events: readonly SessionEvent[]
  /** The page ended at its limit, or at PAGE_BYTES: there may be more behind it. */
  readonly more: boolean
}

export interface Range {
  /** At most so many documents. */
  readonly limit: number
  /** Only ids greater than this. */
  readonly after?: string
  /** Only ids less than this. */
  readonly before?: string
  /** From the greatest id down. */
  readonly reverse?: boolean
}

/** Who listens to a session. */
export interface SessionListener {
  event(event: SessionEvent): void
  /** Events may have been missed: the store has them, or another epoch. */
  gap(): void
}

export interface SessionSubscription {
  /**
   * Resolves when every later event will be heard, or a `gap` will tell that some were not; undefined where
   * that is so already.
   */
  readonly ready: Promise<void> | undefined
  end(): void
}

/** The store could not be reached in time. Of a commit: the outcome is unknown. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
}

export interface AgentStore {
  /**
   * The time that decides on everything of the session, in milliseconds since 1970: the same for all who share
   * the store, whatever their own clocks say.
   */
  now(session: SessionKey): Promise<number>
  /** The session's head; begins the session where there is none. Counts as activity. */
  open(session: SessionKey): Promise<SessionHead>
  /** The document, or undefined. */
  get(session: SessionKey, ref: DocumentRef): Promise<Document | undefined>
  /**
   * Documents of a collection, ordered by id (UTF-8 bytes). A page ends at PAGE_BYTES, too: that it has fewer than
   * `limit` does not say that it is the last; that it has none does.
   */
  list(session: SessionKey, collection: Collection, range: Range): Promise<readonly Document[]>
  /**
   * Resolves when the commit is durable (or refused). Counts as activity. A commit to a session that was
   * never opened, or has ended, begins it.
   */
  commit(session: SessionKey, commit: Commit): Promise<CommitResult>
  /** How many documents a collection has. */
  count(session: SessionKey, collection: Collection): Promise<number>
  /** Kept, durable events with a number above `afterSeq`, in order, at most `limit`, and PAGE_BYTES. */
  events(session: SessionKey, afterSeq: number, limit: number): Promise<EventPage>
  /**
   * Tells the listener of every durable event that is committed from now on, in order of `seq`, until the
   * subscription is ended: before or after the commit resolves. A throwing listener harms no other.
   */
  subscribe(session: SessionKey, listener: SessionListener): SessionSubscription
  /** Whether a write would be accepted now: what `/readyz` tells. */
  writable(): Promise<boolean>
  /** Flushes and releases everything. Operations after it reject with StoreUnavailable. */
  close(): Promise<void>
}

/**
 * A page of documents or events ends before its JSON is longer than this, in UTF-8; one is on it always. Nobody can
 * make a node, or Redis, hold more at once by asking for many large ones.
 */
export const PAGE_BYTES = 1_048_576

/** How long things are kept (contract 4 and 9). */
export const RETENTION = {
  /** A session ends so long after its last activity; documents, counter and epoch go with it. */
  sessionMs: 30 * 24 * 3_600_000,
  events: 1_000,
  eventMs: 24 * 3_600_000,
} as const
