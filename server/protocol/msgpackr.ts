/**
 * MessagePack by msgpackr, in the form that every other implementation reads: maps with text keys, no
 * extensions. Pure, for browsers too.
 */
import { Packr } from 'msgpackr'

/** Not `toJSON`: of a JSON value it is a key like any other, and a client may have chosen it. */
const packr = new Packr({ useRecords: false, variableMapSize: true, useToJSON: false })

/** Packs a JSON value, in which bytes may stand too. Throws RangeError where it nests too deep. */
export const pack = (value: unknown): Buffer => packr.pack(value)

/**
 * The value of what was packed by {@link pack}; bytes may share `data`. Throws where it is something else.
 * Not for what comes from a client: extensions run, text is not checked, a key `__proto__` is renamed.
 */
export const unpack = (data: Uint8Array): unknown => packr.unpack(data)

/** Any escape of JSON text: one backslash never belongs to two. */
const ESCAPE = /\\(?:u[\da-f]{4}|[^u])/g

/**
 * The value of JSON text that JSON.stringify wrote, as it can be packed: MessagePack's text is UTF-8, so what
 * has no place there, a lone surrogate, becomes U+FFFD. JSON.stringify escapes no other surrogates.
 */
export function parseForPacking(json: string): unknown {
  if (!json.includes('\\ud')) return JSON.parse(json)
  const wellFormed = json.replace(ESCAPE, (found) => (found.startsWith('\\ud') ? '\\ufffd' : found))
  return JSON.parse(wellFormed)
}
