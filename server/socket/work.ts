/** What waits for a channel, which of its handlers takes it, and what that handler's result means. */
import { noReply, Reply, Stop } from '../channel/result.ts'
import type { AnySocket, Channel } from '../channel/types.ts'
import type { Broadcast } from '../protocol/broadcast.ts'

/** A client's message. */
export interface Incoming {
  readonly kind: 'in'
  readonly event: unknown
  readonly ref: unknown
  readonly payload: unknown
}

/** What a handler of the channel takes. */
export type Handled =
  | Incoming
  | { readonly kind: 'out'; readonly broadcast: Broadcast }
  | { readonly kind: 'info'; readonly message: unknown }
  | { readonly kind: 'gap'; readonly topic: string }

export type Work = Handled | { readonly kind: 'leave'; readonly ref: unknown }

type AnyReply = Reply<'ok' | 'error' | 'custom', unknown>

const ALLOWED =
  'ok(…), error(…), reply(…), stop(…), noReply or nothing from handleIn; stop(…) or nothing elsewhere'

/** Calls the handler. Throws, or returns a promise of, whatever the handler does. */
export function callHandler(channel: Channel, socket: AnySocket, work: Handled): unknown {
  switch (work.kind) {
    case 'in':
      return channel.handleIn(socket, work.event, work.payload)
    case 'out':
      return channel.handleOut(socket, work.broadcast.event, work.broadcast.copyPayload())
    case 'info':
      return channel.handleInfo?.(socket, work.message)
    case 'gap':
      return channel.handleGap?.(socket, work.topic)
  }
}

/** What a handler's result tells the client. Throws TypeError where it is none: only a message can be answered. */
export function replyIn(work: Handled, result: unknown): AnyReply | undefined {
  const answer = result instanceof Stop ? result.reply : result
  if (answer === undefined || answer === noReply) return undefined
  if (answer instanceof Reply && work.kind === 'in') return answer
  throw new TypeError(`a handler returned something else than ${ALLOWED}`)
}

/** An event's name for logs and metrics. A client may send any JSON, also what no String() takes. */
export const eventName = (event: unknown): string =>
  typeof event === 'object' ? 'object' : String(event)
