import type { SessionEvent } from './store.ts'

/** JSON text of a document or payload. Throws TypeError where `value` has none. */
export function toJson(value: unknown): string {
  const json: string | undefined = JSON.stringify(value)
  if (json === undefined) throw new TypeError('no JSON value')
  return json
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
