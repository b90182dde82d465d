import { pageOf } from './json.ts'
import {
  eventKey,
  type KeyRange,
  keyEnd,
  keysUnder,
  sessionDocuments,
  sessionEvents,
} from './keys.ts'
import { type EventPage, RETENTION, type SessionEvent } from './store.ts'

/** A sorted table of the embedded store. Writes belong to the transaction that runs. */
interface Table<Value> {
  get(key: Buffer): Value | undefined
  putSync(key: Buffer, value: Value): void
  removeSync(key: Buffer): boolean
  getKeys(range: Partial<KeyRange> & { readonly limit: number }): Iterable<Buffer>
  getRange(range: KeyRange): Iterable<{ readonly key: Buffer; readonly value: Value }>
}

export interface Head {
  readonly epoch: string
  readonly seq: number
  /** The lowest number kept; `seq + 1` when none is. */
  readonly oldest: number
  /** The last activity, in milliseconds since 1970. Never goes back, even where the clock does. */
  readonly active: number
}

export interface StoredEvent {
  /** When it was kept, in milliseconds since 1970; no earlier than the event before it. */
  readonly at: number
  readonly event: string
  readonly json: string
}

interface SessionTables {
  /** By the session's name. */
  readonly heads: Table<Head>
  readonly events: Table<StoredEvent>
  /** Only to remove what a session leaves behind. */
  readonly documents: Pick<Table<unknown>, 'getKeys' | 'removeSync'>
}

/**
 * How sessions begin, number and keep their events, and end (contract 4 and 9). A session is told
 * by its name of `keys.ts`. What has expired counts as gone at once, and is removed when somebody
 * comes across it.
 */
export class LmdbSessions {
  readonly #heads: Table<Head>
  readonly #events: Table<StoredEvent>
  readonly #documents: SessionTables['documents']
  readonly #now: () => number
  readonly #newEpoch: () => string

  constructor(tables: SessionTables, now: () => number, newEpoch: () => string) {
    this.#heads = tables.heads
    this.#events = tables.events
    this.#documents = tables.documents
    this.#now = now
    this.#newEpoch = newEpoch
  }

  /** The head of a session that lives; undefined where it never began or has ended. */
  live(name: string): Head | undefined {
    const head = this.#heads.get(Buffer.from(name))
    return head && this.#hasEnded(head) ? undefined : head
  }

  /**
   * The head of the session that lives, else of one that begins now. That one is not written yet,
   * but what is left of an earlier one is removed.
   */
  begin(name: string): Head {
    const head = this.live(name)
    if (head) return head
    this.#remove(name, Number.POSITIVE_INFINITY)
    return { epoch: this.#newEpoch(), seq: 0, oldest: 1, active: this.#now() }
  }

  /** What the head becomes by an activity now that numbers so many events. Writes nothing. */
  advance(name: string, head: Head, events: 0 | 1): Head {
    const active = Math.max(head.active, this.#now())
    const seq = head.seq + events
    let oldest = Math.max(head.oldest, seq - RETENTION.events + 1)
    while (oldest <= head.seq && this.#isOld(this.#events.get(eventKey(name, oldest)))) oldest += 1
    return { epoch: head.epoch, seq, oldest, active }
  }

  /** Writes what `advance` told, with the event that it numbered. */
  save(name: string, head: Head, next: Head, event?: SessionEvent): void {
    for (let seq = head.oldest; seq < next.oldest; seq += 1)
      this.#events.removeSync(eventKey(name, seq))
    if (event) {
      const stored = { at: next.active, event: event.event, json: event.json }
      this.#events.putSync(eventKey(name, event.seq), stored)
    }
    this.#heads.putSync(Buffer.from(name), next)
  }

  /** Kept events with a number above `afterSeq`, in order, at most `limit`. */
  events(name: string, afterSeq: number, limit: number): EventPage {
    const head = this.live(name)
    if (!head || afterSeq >= head.seq) return { epoch: head?.epoch, events: [], more: false }
    const start = eventKey(name, Math.max(head.oldest, afterSeq + 1))
    const events = pageOf(this.#kept(name, head.epoch, start, limit), ({ json }) => json)
    const last = events.at(-1)
    return { epoch: head.epoch, events, more: last !== undefined && last.seq < head.seq }
  }

  *#kept(name: string, epoch: string, start: Buffer, limit: number): Generator<SessionEvent> {
    const prefix = sessionEvents(name)
    let left = limit
    for (const { key, value } of this.#events.getRange({ ...keysUnder(prefix), start })) {
      if (left === 0) return
      if (this.#isOld(value)) continue
      left -= 1
      yield { epoch, seq: Number(keyEnd(prefix, key)), event: value.event, json: value.json }
    }
  }

  /**
   * Removes what has expired of the sessions from key `start` on. Looks at `limit` sessions at
   * most, and stops soon after so many entries are removed. Tells the key to go on from; undefined:
   * all was seen.
   */
  sweep(start: Buffer, limit: number): Buffer | undefined {
    const keys = [...this.#heads.getKeys({ start, limit })]
    let left = limit
    for (const key of keys) {
      left -= this.#sweepOne(key.toString(), left)
      if (left <= 0) return key
    }
    return keys.length < limit ? undefined : keys.at(-1)
  }

  /** Tells how many entries it removed. */
  #sweepOne(name: string, limit: number): number {
    const head = this.#heads.get(Buffer.from(name))
    if (!head) return 0
    if (this.#hasEnded(head)) return this.#remove(name, limit)
    const { oldest } = this.advance(name, head, 0)
    if (oldest > head.oldest) this.save(name, head, { ...head, oldest })
    return oldest - head.oldest
  }

  /**
   * Removes at most `limit` documents and events of a session, and then its head. Tells how many.
   */
  #remove(name: string, limit: number): number {
    const documents = clear(this.#documents, sessionDocuments(name), limit)
    const events = clear(this.#events, sessionEvents(name), limit - documents)
    if (documents + events < limit) this.#heads.removeSync(Buffer.from(name))
    return documents + events
  }

  #hasEnded(head: Head): boolean {
    return this.#now() - head.active > RETENTION.sessionMs
  }

  #isOld(event: StoredEvent | undefined): boolean {
    return event === undefined || this.#now() - event.at > RETENTION.eventMs
  }
}

/** Removes at most `limit` entries under `prefix`. Tells how many. */
function clear(table: SessionTables['documents'], prefix: string, limit: number): number {
  const keys = [...table.getKeys({ ...keysUnder(prefix), limit })]
  for (const key of keys) table.removeSync(key)
  return keys.length
}
