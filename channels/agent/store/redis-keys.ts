import { documentKey, sessionName } from './keys.ts'
import type { Collection, DocumentRef, Range, SessionKey } from './store.ts'

/** What a session and its business are kept under. */
export interface SessionKeys {
  /**
   * `[session, sessionIndex, events, business, businessIndex, revision]`: what every script gets. The first
   * three are the session's, and end with it.
   */
  readonly all: readonly [string, string, string, string, string, string]
  /** Where the session's events are published: a channel by the name of the key that keeps them. */
  readonly channel: string
}

/**
 * `{prefix}:{<business>}/…`. The business, percent-encoded, is the hash tag: all that one commit touches is
 * in one slot of a cluster. Throws RangeError where an id is no well-formed text.
 */
export function sessionKeys(prefix: string, key: SessionKey): SessionKeys {
  const [business, session] = sessionName(key).split('/')
  // Redis takes an empty tag for none. A lone `%` is no business.
  const root = `${prefix}:{${business || '%'}}`
  const own = `${root}/session/${session}`
  const shared = `${root}/documents`
  const events = `${own}/events`
  return {
    all: [own, `${own}/index`, events, shared, `${shared}/index`, `${root}/revision`],
    channel: events,
  }
}

/**
 * A document in the hash and the index of its scope: no name of a collection holds a space, so no two
 * collections meet. Throws RangeError where the id is over 256 bytes or no well-formed text.
 */
export function documentField({ name, id }: DocumentRef): Buffer {
  return documentKey(`${name} `, id)
}

/** The id in what `documentField` made of it. */
export function documentId({ name }: Collection, field: string): string {
  return field.slice(name.length + 1)
}

/** Between which members of the index a collection's documents are. */
export function collectionBounds({ name }: Pick<Collection, 'name'>): readonly [string, string] {
  // `!` is the byte after the space.
  return [`[${name} `, `(${name}!`]
}

/** `range` as ZRANGE takes it, behind the key. Throws RangeError as `documentField` does. */
export function indexRange({ name }: Collection, range: Range): (string | number | Buffer)[] {
  const [first, end] = collectionBounds({ name })
  const low = range.after === undefined ? first : documentKey(`(${name} `, range.after)
  const high = range.before === undefined ? end : documentKey(`(${name} `, range.before)
  const bounds = range.reverse === true ? [high, low, 'BYLEX', 'REV'] : [low, high, 'BYLEX']
  return [...bounds, 'LIMIT', 0, range.limit]
}
