/** What nodes tell each other about long-poll requests: the one place that knows its form. */

import { Broadcast } from '../protocol/broadcast.ts'
import { LONG_POLL_TOPICS } from '../protocol/message.ts'
import type { Ask, BodyStatus, Outcome } from './longpoll-outcome.ts'

export type NodeMessage =
  /** To the session's node. `id` is the asking node's. */
  | { readonly kind: 'ask'; readonly id: number; readonly from: string; readonly ask: Ask }
  | { readonly kind: 'cancel'; readonly id: number; readonly from: string }
  /** Back: it will be answered. */
  | { readonly kind: 'taken'; readonly id: number; readonly withinMs: number }
  | { readonly kind: 'outcome'; readonly id: number; readonly outcome: Outcome }
  /** Messages came for a client that had gone. */
  | { readonly kind: 'lost'; readonly token: string }

/** The pub/sub topic that a node listens on. */
export const topicOf = (node: string): string => LONG_POLL_TOPICS + node

const NEWLINE = 0x0a
const STATUSES = new Set<unknown>([200, 204, 400, 403, 408, 410, 500])

/** A line of JSON, and bytes: a posted body as it came, or the JSON of a poll's messages. */
export function encode(node: string, message: NodeMessage): Broadcast {
  const [head, body] = parts(message)
  const bytes = Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), body])
  return new Broadcast(topicOf(node), message.kind, bytes)
}

function parts(message: NodeMessage): readonly [head: object, body: Buffer] {
  const nothing = Buffer.alloc(0)
  if (message.kind === 'ask') {
    const { id, from, ask } = message
    if (ask.kind !== 'post') return [{ id, from, ask: ask.kind, token: ask.token }, nothing]
    const { kind, token, asLines, body } = ask
    return [{ id, from, ask: kind, token, asLines }, body]
  }
  if (message.kind !== 'outcome') return [message, nothing]
  const { id, outcome } = message
  if (outcome.kind !== 'answer') return [{ id, outcome: outcome.kind }, nothing]
  const { status, messages } = outcome
  return [
    { id, outcome: outcome.kind, status, isPoll: messages !== undefined },
    Buffer.from(messages ?? ''),
  ]
}

/** Undefined for anything else. */
export function decode({ event, bytes }: Broadcast): NodeMessage | undefined {
  const end = bytes?.indexOf(NEWLINE) ?? -1
  if (!bytes || end < 0) return undefined
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const head = parse(all.toString('utf8', 0, end))
  const { id, from, token } = head
  if (event === 'lost' && typeof token === 'string') return { kind: event, token }
  if (typeof id !== 'number') return undefined
  if (event === 'taken') return taken(id, head)
  if (event === 'outcome') return outcomeIn(id, head, all.subarray(end + 1))
  if (typeof from !== 'string') return undefined
  if (event === 'cancel') return { kind: event, id, from }
  return event === 'ask' ? askIn(id, from, head, all.subarray(end + 1)) : undefined
}

type Head = Readonly<Record<string, unknown>>

function parse(text: string): Head {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}

function taken(id: number, { withinMs }: Head): NodeMessage | undefined {
  return typeof withinMs === 'number' ? { kind: 'taken', id, withinMs } : undefined
}

function askIn(id: number, from: string, head: Head, body: Buffer): NodeMessage | undefined {
  const { ask: kind, token, asLines } = head
  if (typeof token !== 'string') return undefined
  if (kind === 'poll' || kind === 'find') return { kind: 'ask', id, from, ask: { kind, token } }
  if (kind !== 'post' || typeof asLines !== 'boolean') return undefined
  return { kind: 'ask', id, from, ask: { kind, token, body, asLines } }
}

function outcomeIn(id: number, head: Head, body: Buffer): NodeMessage | undefined {
  const { outcome, status, isPoll } = head
  if (outcome === 'gone' || outcome === 'none') {
    return { kind: 'outcome', id, outcome: { kind: outcome } }
  }
  if (outcome !== 'answer' || !STATUSES.has(status)) return undefined
  const messages = isPoll === true && { messages: body.toString() }
  return {
    kind: 'outcome',
    id,
    outcome: { kind: outcome, status: status as BodyStatus, ...messages },
  }
}
