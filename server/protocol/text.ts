import { DecodeError } from './message.ts'

/**
 * UTF-8, strictly: a malformed sequence throws TypeError, a byte order mark is a character (so that JSON
 * refuses it, as Phoenix does).
 */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The text that strict UTF-8 bytes hold. Throws DecodeError. */
export function utf8(bytes: ArrayBuffer | Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new DecodeError('not UTF-8')
  }
}

/** The value of JSON text. Throws DecodeError. */
export function fromJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new DecodeError('not JSON')
  }
}
