/** Names that are made of several ids, in keys and topics: no two lists of ids share one (contract 4). */

/**
 * Everything but `A-Za-z0-9_.-` percent-encoded, so that a part holds no `/`. Throws RangeError where `text`
 * is not well-formed.
 */
export function namePart(text: string): string {
  if (/^[\w.-]*$/.test(text)) return text
  return encodeURIComponent(wellFormed(text)).replace(
    /[!'()*~]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** The text itself. UTF-8 has no lone surrogates: two texts that differ in one would get the same bytes. */
export function wellFormed(text: string): string {
  if (!text.isWellFormed()) throw new RangeError('no well-formed text')
  return text
}
