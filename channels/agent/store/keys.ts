import { namePart, wellFormed } from '../../../server/index.ts'
import type { Collection, Range, SessionKey } from './store.ts'

/** What lmdb takes on 4 KB pages. Ids of the contract stay below it, however they are escaped. */
const MAX_KEY_BYTES = 1978
const MAX_ID_BYTES = 256
/** Enough for every safe integer. */
const DIGITS = 16

/** The keys of a range, in the order of their bytes. `end` is not in it. */
export interface KeyRange {
  readonly start: Buffer
  readonly end: Buffer
}

/**
 * A range that may be read from its end, `start` being the end then, and may leave out its start.
 */
interface DocumentRange extends KeyRange {
  readonly reverse: boolean
  readonly exclusiveStart: boolean
  readonly inclusiveEnd: boolean
}

/**
 * `<business>/<session>`: what a session is known by, and what the keys of all it owns contain.
 * Parts are percent-encoded, so no two sessions share a name (contract 4). Throws RangeError where
 * a part is no well-formed text.
 */
export function sessionName(session: SessionKey): string {
  return `${namePart(session.businessId)}/${namePart(session.sessionId)}`
}

/**
 * Begins the key of every document of a collection. What follows is the document's id as it is:
 * last in the key, it needs no escaping, and keys sort as ids do.
 */
export function collectionPrefix(session: SessionKey, collection: Collection): string {
  return collection.scope === 'business'
    ? `business/${namePart(session.businessId)}/${namePart(collection.name)}/`
    : `${sessionDocuments(sessionName(session))}${namePart(collection.name)}/`
}

/** Begins the key of every document of the session's own. */
export function sessionDocuments(name: string): string {
  return `session/${name}/`
}

/** Throws RangeError where `id` is over 256 bytes or no well-formed text. */
export function documentKey(prefix: string, id: string): Buffer {
  return toKey(prefix, checkedId(id))
}

/** The documents of a collection that `range` asks for. Throws RangeError as `documentKey` does. */
export function documentRange(prefix: string, range: Range): DocumentRange {
  const low = toKey(prefix, checkedId(range.after ?? ''))
  const high = range.before === undefined ? keyAfter(prefix) : documentKey(prefix, range.before)
  const all = range.after === undefined
  return range.reverse === true
    ? { start: high, end: low, reverse: true, exclusiveStart: true, inclusiveEnd: all }
    : { start: low, end: high, reverse: false, exclusiveStart: !all, inclusiveEnd: false }
}

/** Every key that begins with `prefix`, which ends with `/`. */
export function keysUnder(prefix: string): KeyRange {
  return { start: toKey(prefix), end: keyAfter(prefix) }
}

/** The key of a numbered event; the keys of a session sort by number. */
export function eventKey(name: string, seq: number): Buffer {
  return toKey(sessionEvents(name), sortable(seq))
}

/** A safe integer of at least 0 as text, which sorts as numbers do. */
export const sortable = (number: number): string => String(number).padStart(DIGITS, '0')

/** Begins the key of every event of the session. */
export function sessionEvents(name: string): string {
  return `${name}/`
}

/** What a key ends with, behind its prefix: the id, or the number, that it was made of. */
export function keyEnd(prefix: string, key: Buffer): string {
  return key.toString('utf8', prefix.length)
}

/** `0` is the byte after `/`: no key that begins with the prefix is greater. */
function keyAfter(prefix: string): Buffer {
  return toKey(prefix.slice(0, -1), '0')
}

function toKey(prefix: string, end = ''): Buffer {
  const key = Buffer.from(prefix + end)
  if (key.length > MAX_KEY_BYTES) throw new RangeError(`a key of ${key.length} bytes`)
  return key
}

function checkedId(id: string): string {
  if (Buffer.byteLength(id) > MAX_ID_BYTES) throw new RangeError(`an id over ${MAX_ID_BYTES} bytes`)
  return wellFormed(id)
}
