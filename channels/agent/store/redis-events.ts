import { numbered, toJson } from './json.ts'
import type { Commit, SessionEvent } from './store.ts'

/** An event as the script keeps it, which does not look into it: `<event>\n<payload without seq>`. */
export function encodeEvent({ event, payload }: NonNullable<Commit['event']>): string {
  return `${event}\n${toJson(payload)}`
}

/** Undefined where `encoded` is not what `encodeEvent` makes. */
export function decodeEvent(epoch: string, seq: number, encoded: string): SessionEvent | undefined {
  const [event, payload] = cut(encoded)
  if (event === '' || !payload.startsWith('{')) return undefined
  return numbered({ epoch, seq }, event, payload)
}

/** A message of the session's channel: `<seq>\n<epoch>\n<encoded event>`. Undefined where it is another. */
export function decodeMessage(data: Buffer): SessionEvent | undefined {
  const [seq, rest] = cut(data.toString())
  const [epoch, encoded] = cut(rest)
  return /^[1-9]\d{0,15}$/.test(seq) ? decodeEvent(epoch, Number(seq), encoded) : undefined
}

/** What is before and behind the first line feed, of which JSON text has none. */
function cut(text: string): readonly [string, string] {
  const at = text.indexOf('\n')
  return at < 0 ? ['', ''] : [text.slice(0, at), text.slice(at + 1)]
}
