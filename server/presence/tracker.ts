import { isPromise } from '../protocol/promise.ts'
import type { PubSub } from '../pubsub/pubsub.ts'
import { Announcer } from './announcer.ts'
import { createMeta } from './meta.ts'
import type {
  Elsewhere,
  Listed,
  Looked,
  Meta,
  Presence,
  PresenceKey,
  PresenceOptions,
  PresenceOwner,
  Presences,
  PresenceValue,
  Tracked,
} from './presence.ts'
import {
  type Change,
  type Entries,
  type Entry,
  entriesOf,
  joining,
  leaving,
  presencesOf,
} from './state.ts'
import { View } from './view.ts'

type ByKey = Map<PresenceKey, Entry>

/** What tells the other nodes. */
export interface Replica {
  /** Something changed here. */
  changed(change: Change): void
  close(): Promise<void>
}

/** What this node tracks, what it knows of others, and the diffs of both. */
export class Tracker<F> implements Presence<F> {
  /** Each owner that has not ended, with its entries by topic and key. */
  readonly #owners = new Map<PresenceOwner, Map<string, ByKey>>()
  readonly #view = new View()
  readonly #announcer: Announcer<F>
  readonly #replica: Replica | undefined

  constructor(pubsub: PubSub, options: PresenceOptions<F>, replica?: Replica) {
    this.#announcer = new Announcer(pubsub, options, (topic) => this.#presences(topic))
    this.#replica = replica
  }

  track(
    owner: PresenceOwner,
    key: PresenceKey,
    meta: object,
    { topic = owner.topic }: Elsewhere = {},
  ): Tracked<'already_tracked' | 'ended'> {
    const entry = { topic, key: String(key), meta: createMeta(meta) }
    const topics = this.#enter(owner)
    if (!topics) return { error: 'ended' }
    const byKey = topics.get(topic)
    if (byKey?.has(key)) return { error: 'already_tracked' }
    if (byKey) byKey.set(key, entry)
    else topics.set(topic, new Map([[key, entry]]))
    this.#change(joining(entriesOf([entry])))
    return { phxRef: entry.meta.phx_ref }
  }

  update(
    owner: PresenceOwner,
    key: PresenceKey,
    meta: object | ((current: Meta) => object),
    { topic = owner.topic }: Elsewhere = {},
  ): Tracked<'nopresence'> {
    const found = this.#owners.get(owner)?.get(topic)?.get(key)
    if (!found) return { error: 'nopresence' }
    const next = typeof meta === 'function' ? meta(found.meta) : meta
    // Looked up again: the app's function may have changed it.
    const byKey = this.#owners.get(owner)?.get(topic)
    const current = byKey?.get(key)
    if (!(byKey && current)) return { error: 'nopresence' }
    const entry = { ...current, meta: createMeta(next, current.meta) }
    byKey.set(key, entry)
    this.#change({ joined: entriesOf([entry]), left: entriesOf([current]) })
    return { phxRef: entry.meta.phx_ref }
  }

  untrack(owner: PresenceOwner, key: PresenceKey, { topic = owner.topic }: Elsewhere = {}): void {
    const topics = this.#owners.get(owner)
    const byKey = topics?.get(topic)
    const entry = byKey?.get(key)
    if (!entry) return
    byKey?.delete(key)
    if (byKey?.size === 0) topics?.delete(topic)
    this.#change(leaving(entriesOf([entry])))
  }

  untrackAll(owner: PresenceOwner): void {
    this.#leave(this.#owners.get(owner))
  }

  close(): Promise<void> {
    return this.#replica?.close() ?? Promise.resolve()
  }

  list(at: string | PresenceOwner): Listed<F> {
    const topic = topicOf(at)
    this.#announcer.hurry(topic)
    // What `fetch` returns decides whether this is a promise, and F is what it returns.
    return this.#announcer.extend(topic, this.#presences(topic)) as Listed<F>
  }

  getByKey(at: string | PresenceOwner, key: PresenceKey): Looked<F> {
    const topic = topicOf(at)
    const name = String(key)
    const entries = [...this.#view.entries(topic)].filter((entry) => entry.key === name)
    const presences = this.#announcer.extend(topic, presencesOf(entries))
    const value = (found: Presences): PresenceValue | [] => found[name] ?? []
    return (isPromise(presences) ? presences.then(value) : value(presences)) as Looked<F>
  }

  /** All that is tracked here. */
  own(): Entries {
    return entriesOf([...this.#owners.values()].flatMap((topics) => [...entriesIn(topics)]))
  }

  /** Entries of other nodes came or went. */
  merge(change: Change): void {
    this.#view.apply(change)
    this.#announcer.announce(change)
  }

  #change(change: Change): void {
    this.#replica?.changed(change)
    this.merge(change)
  }

  /** Undefined for an owner that has ended. */
  #enter(owner: PresenceOwner): Map<string, ByKey> | undefined {
    const known = this.#owners.get(owner)
    if (known) return known
    if (!owner.onEnd(() => this.#ended(owner))) return undefined
    const topics = new Map<string, ByKey>()
    this.#owners.set(owner, topics)
    return topics
  }

  #ended(owner: PresenceOwner): void {
    const topics = this.#owners.get(owner)
    this.#owners.delete(owner)
    this.#leave(topics)
  }

  #leave(topics: Map<string, ByKey> | undefined): void {
    if (!topics) return
    const entries = entriesOf(entriesIn(topics))
    topics.clear()
    this.#change(leaving(entries))
  }

  #presences(topic: string): Presences {
    return presencesOf(this.#view.entries(topic))
  }
}

const topicOf = (at: string | PresenceOwner): string => (typeof at === 'string' ? at : at.topic)

function* entriesIn(topics: ReadonlyMap<string, ByKey>): Iterable<Entry> {
  for (const byKey of topics.values()) yield* byKey.values()
}
