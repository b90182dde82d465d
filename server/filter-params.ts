/** What a client sent, made fit for a log: without secrets, and small (C8.5 to C8.7). */

const FILTERED = '[FILTERED]'
const SECRET = 'password|token|secret|authorization'
const SECRET_KEY = new RegExp(SECRET, 'i')
const SECRET_TEXT = new RegExp(`(?:${SECRET})=`, 'i')

const MAX_DEPTH = 8
const MAX_ITEMS = 50
const MAX_CHARS = 500
/** Of all texts, keys and other values together. */
const MAX_TOTAL = 10_000

/** One text of a client's: cut, and filtered where it holds something like `password=`. */
export function filterText(text: string): string {
  const shown = text.slice(0, MAX_CHARS)
  if (SECRET_TEXT.test(shown)) return FILTERED
  return text.length > MAX_CHARS ? `${shown}…` : shown
}

/**
 * A copy for a log. What stands under a key that contains `password`, `token`, `secret` or `authorization`,
 * in any case and at any depth, is `[FILTERED]`; so is a text that contains such a word with `=`. Long texts,
 * long lists, deep nesting and everything past about 10,000 characters are cut; bytes are counted.
 */
export function filterParams(value: unknown): unknown {
  let left = MAX_TOTAL

  function text(whole: string): string {
    const shown = filterText(whole)
    left -= shown.length
    return shown
  }

  function list(items: readonly unknown[], depth: number): unknown[] {
    const shown = items.slice(0, MAX_ITEMS).map((item) => copy(item, depth))
    return items.length > MAX_ITEMS ? [...shown, more(items.length)] : shown
  }

  function map(object: object, depth: number): unknown {
    const entries = Object.entries(object)
    const shown = entries
      .slice(0, MAX_ITEMS)
      .map(([key, item]) => [text(key), SECRET_KEY.test(key) ? FILTERED : copy(item, depth)])
    if (entries.length > MAX_ITEMS) shown.push(['…', more(entries.length)])
    // Not by assignment: a key may be `__proto__`.
    return Object.fromEntries(shown)
  }

  function copy(item: unknown, depth: number): unknown {
    left -= 1
    if (left < 0) return '[…]'
    if (typeof item === 'string') return text(item)
    if (typeof item === 'bigint') return text(String(item))
    if (typeof item !== 'object' || item === null) return item
    if (item instanceof Uint8Array) return `[${item.byteLength} bytes]`
    if (depth === MAX_DEPTH) return '[…]'
    return Array.isArray(item) ? list(item, depth + 1) : map(item, depth + 1)
  }

  return copy(value, 0)
}

const more = (total: number): string => `[and ${total - MAX_ITEMS} more]`
