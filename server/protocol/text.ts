/**
 * UTF-8, strictly: a malformed sequence throws TypeError, a byte order mark is a character (so that JSON
 * refuses it, as Phoenix does).
 */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export const utf8 = (bytes: ArrayBuffer | Uint8Array): string => decoder.decode(bytes)
