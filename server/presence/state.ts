/** Entries, what changes between them, and what clients see of both. No I/O, no timers. */
import type { Meta, PresenceDiff, Presences } from './presence.ts'

/** One meta of one key on one topic. It never changes: an update puts another in its place. */
export interface Entry {
  readonly topic: string
  readonly key: string
  readonly meta: Meta
}

/** By `phx_ref`. */
export type Entries = ReadonlyMap<string, Entry>

/** What came and what went. No entry is in both. */
export interface Change {
  readonly joined: Entries
  readonly left: Entries
}

const NONE: Entries = new Map()

export const entriesOf = (entries: Iterable<Entry>): Entries =>
  new Map([...entries].map((entry) => [entry.meta.phx_ref, entry]))

/** From nothing to `entries`. */
export const joining = (entries: Entries): Change => ({ joined: entries, left: NONE })
/** From `entries` to nothing. */
export const leaving = (entries: Entries): Change => ({ joined: NONE, left: entries })

/** What leads from one set of entries to another. */
export function between(before: Entries, after: Entries): Change {
  return { joined: without(after, before), left: without(before, after) }
}

/** Changes, one after another, as a single one: who came and went in between was never there. */
export class Gathered {
  #joined = new Map<string, Entry>()
  #left = new Map<string, Entry>()

  get isEmpty(): boolean {
    return this.#joined.size + this.#left.size === 0
  }

  add({ joined, left }: Change): void {
    for (const [ref, entry] of left) if (!this.#joined.delete(ref)) this.#left.set(ref, entry)
    for (const [ref, entry] of joined) if (!this.#left.delete(ref)) this.#joined.set(ref, entry)
  }

  /** What was gathered; from here on anew. */
  take(): Change {
    const change = { joined: this.#joined, left: this.#left }
    this.#joined = new Map()
    this.#left = new Map()
    return change
  }
}

/** A change of many topics as one change of each. */
export function byTopic(change: Change): ReadonlyMap<string, Change> {
  const topics = new Map<string, { joined: Map<string, Entry>; left: Map<string, Entry> }>()
  for (const side of ['joined', 'left'] as const) {
    for (const [ref, entry] of change[side]) {
      let own = topics.get(entry.topic)
      if (!own) {
        own = { joined: new Map(), left: new Map() }
        topics.set(entry.topic, own)
      }
      own[side].set(ref, entry)
    }
  }
  return topics
}

/** What clients see of the entries of one topic. */
export function presencesOf(entries: Iterable<Entry>): Presences {
  const presences: Presences = Object.create(null)
  for (const { key, meta } of entries) {
    const value = presences[key]
    if (value) value.metas.push(meta)
    else presences[key] = { metas: [meta] }
  }
  return presences
}

/** What clients see of a change of one topic. */
export const diffOf = ({ joined, left }: Change): PresenceDiff => ({
  joins: presencesOf(joined.values()),
  leaves: presencesOf(left.values()),
})

function without(entries: Entries, others: Entries): Entries {
  return new Map([...entries].filter(([ref]) => !others.has(ref)))
}
