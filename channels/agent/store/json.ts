import { PAGE_BYTES, type SessionEvent } from './store.ts'

/** JSON text of a document or payload. Throws TypeError where `value` has none. */
export function toJson(value: unknown): string {
  const json: string | undefined = JSON.stringify(value)
  if (json === undefined) throw new TypeError('no JSON value')
  return json
}

/**
 * The first of so many things, as far as a page goes: while the JSON of all of them has PAGE_BYTES at most, and one
 * always. It reads one more than it takes.
 */
export function pageOf<T>(things: Iterable<T>, json: (thing: T) => string): T[] {
  const page: T[] = []
  let bytes = 0
  for (const thing of things) {
    bytes += Buffer.byteLength(json(thing))
    if (bytes > PAGE_BYTES && page.length > 0) break
    page.push(thing)
  }
  return page
}

/**
 * The event under its number, which becomes the first member of its payload, a JSON object's text.
 */
export function numbered(
  { epoch, seq }: Pick<SessionEvent, 'epoch' | 'seq'>,
  event: string,
  payload: string,
): SessionEvent {
  const rest = payload === '{}' ? '}' : `,${payload.slice(1)}`
  return { epoch, seq, event, json: `{"seq":${seq}${rest}` }
}
