/** Who is on a topic, whichever node each is connected to: Phoenix's `Presence` (protocol 5). */
import type { Telemetry } from '../telemetry.ts'

/** Compared as it is given, so that 5 and "5" are two entries; clients see one string (C5.5). */
export type PresenceKey = string | number

/** What the app said of somebody, and the server's name for exactly that. */
export interface Meta {
  /** 16 characters, never given twice. */
  readonly phx_ref: string
  /** What an update replaced; only one step back is known (C5.7). */
  readonly phx_ref_prev?: string
  readonly [field: string]: unknown
}

/** One key: a meta for each place where it is tracked, in no order, and what `fetch` adds. */
export interface PresenceValue {
  metas: Meta[]
  [extra: string]: unknown
}

/** By key, without a prototype: `__proto__` is a key like any other (C5.28). */
export type Presences = Record<string, PresenceValue>

/** The payload of `presence_diff`: only the metas that came and went. */
export interface PresenceDiff {
  readonly joins: Presences
  readonly leaves: Presences
}

/** What a presence lasts as long as: a channel's socket, mostly. */
export interface PresenceOwner {
  /** Where it is tracked if nothing else is said. */
  readonly topic: string
  /** Calls `listener` once when it ends. False: it has ended already, nothing will be called. */
  onEnd(listener: () => void): boolean
}

/** The new meta's `phx_ref`, or why nothing changed. */
export type Tracked<E extends string> = { readonly phxRef: string } | { readonly error: E }

/** Another pub/sub topic than the owner's own, as one that it is subscribed to with `as`. */
export interface Elsewhere {
  readonly topic?: string
}

type Like<F, T> = F extends PromiseLike<unknown> ? Promise<T> : T
/** What `list` gives where `fetch` gives F: a promise where that is one. */
export type Listed<F> = Like<F, Presences>
/** What `getByKey` gives. */
export type Looked<F> = Like<F, PresenceValue | []>

/**
 * An entry is (topic, owner, key) with its meta: a JSON object, copied. It lasts until it is untracked or its
 * owner ends. What changes is broadcast to the topic's subscribers on every node as a `presence_diff`, at the
 * next turn of the event loop here; changes that come faster than that are one diff. `presence_state` is the
 * app's to push: `socket.push('presence_state', presence.list(socket))`; the diff of what was tracked just before
 * comes ahead of it.
 */
export interface Presence<F = Presences> {
  /** Throws EncodeError for a meta that has no JSON form and TypeError for one that is no object. */
  track(
    owner: PresenceOwner,
    key: PresenceKey,
    meta: object,
    elsewhere?: Elsewhere,
  ): Tracked<'already_tracked' | 'ended'>
  /** Replaces the meta, or makes it anew from the current one: one diff with both. Throws as `track`. */
  update(
    owner: PresenceOwner,
    key: PresenceKey,
    meta: object | ((current: Meta) => object),
    elsewhere?: Elsewhere,
  ): Tracked<'nopresence'>
  /** Nothing to remove is fine. */
  untrack(owner: PresenceOwner, key: PresenceKey, elsewhere?: Elsewhere): void
  /** Everything of one owner on all topics, as its end does by itself: one diff per topic. */
  untrackAll(owner: PresenceOwner): void
  /** Who is on a topic, of what this node knows: never asks another. */
  list(at: string | PresenceOwner): Listed<F>
  /** What `list` has under a key; an empty list where it has nothing (C5.13). */
  getByKey(at: string | PresenceOwner, key: PresenceKey): Looked<F>
  /** This node's entries leave on all others at once. Call it after the last client has gone. */
  close(): Promise<void>
}

/** How presences are told to clients. What these functions throw is reported and harms nobody (C5.16). */
export interface PresenceOptions<F> {
  /**
   * Adds fields to presences: called for `list` and `getByKey`, and for the joins and the leaves of each
   * diff, even if there are none. It may be async: the diffs of a topic keep their order. Keys and metas stay
   * whatever it returns; where it throws, or takes longer than `fetchMs`, they go out as they are.
   */
  readonly fetch?: (topic: string, presences: Presences) => F
  /** 5,000 ms where nothing is said. */
  readonly fetchMs?: number
  /** Told of each diff after it was published, with all metas of the topic by key as they are then. */
  readonly handleMetas?: (
    topic: string,
    diff: PresenceDiff,
    metas: Readonly<Record<string, readonly Meta[]>>,
  ) => unknown
  readonly telemetry?: Telemetry
}
