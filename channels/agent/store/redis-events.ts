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

/** Where an event has its place: two events that get the same number, one lost, differ in their time. */
export interface Position {
  readonly epoch: string
  readonly seq: number
  /** When it was numbered, in milliseconds since 1970; 0 where it is no longer kept. */
  readonly at: number
}

/** The stream's id of an event: `<seq>-<at>`. Undefined where it is another. */
export function decodeId(epoch: string, id: string): Position | undefined {
  const [, seq, at] = /^([1-9]\d{0,15})-(\d{1,16})$/.exec(id) ?? []
  return seq === undefined ? undefined : { epoch, seq: Number(seq), at: Number(at) }
}

/** Published where the epoch has become another one: who listens has to read. */
export const EPOCH_CHANGED = 'epoch changed'

export interface EventMessage {
  readonly position: Position
  readonly event: SessionEvent
}

/**
 * A message of the session's channel: `<id>\n<epoch>\n<encoded event>`, or `EPOCH_CHANGED`. Undefined where it is
 * neither.
 */
export function decodeMessage(data: Buffer): EventMessage | typeof EPOCH_CHANGED | undefined {
  const text = data.toString()
  if (text === EPOCH_CHANGED) return EPOCH_CHANGED
  const [id, rest] = cut(text)
  const [epoch, encoded] = cut(rest)
  const position = decodeId(epoch, id)
  const event = position && decodeEvent(epoch, position.seq, encoded)
  return event && { position, event }
}

/** What is before and behind the first line feed, of which JSON text has none. */
function cut(text: string): readonly [string, string] {
  const at = text.indexOf('\n')
  return at < 0 ? ['', ''] : [text.slice(0, at), text.slice(at + 1)]
}
