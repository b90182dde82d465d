import type { Static, TSchema } from '@sinclair/typebox'
import type { TerminateReason } from '../channel/result.ts'
import type { AnySocket } from '../channel/types.ts'
import type { PresenceDiff } from '../presence/presence.ts'
import { type Message, PHX } from '../protocol/message.ts'
import type { TestEndpoint } from './endpoint.ts'
import { Inbox } from './inbox.ts'
import type { TestSocket } from './socket.ts'

/** The names of a channel's events; any where the channel is not known. */
export type EventOf<S> = unknown extends S ? string : keyof S & string

/** What an event of `in` is pushed with. */
export type PayloadOf<In, E> = E extends keyof In
  ? In[E] extends { readonly payload: infer P extends TSchema }
    ? Static<P>
    : unknown
  : unknown

/** What an event of `in` is answered with, if it is `ok`. */
export type ReplyOf<In, E> = E extends keyof In
  ? In[E] extends { readonly reply: infer R extends TSchema }
    ? Static<R>
    : unknown
  : unknown

/** What presence broadcasts, a channel need not declare. */
type Diff = 'presence_diff'
export type OutgoingOf<Out> = EventOf<Out> | Diff

/** What an event of `out` comes with. */
export type SentOf<Out, E> = E extends keyof Out
  ? Out[E] extends TSchema
    ? Static<Out[E]>
    : unknown
  : E extends Diff
    ? PresenceDiff
    : unknown

/** A message that a client sent on a topic, to be asked about its reply. */
export interface Ref<R = unknown> {
  readonly channel: TestChannel
  readonly event: string
  readonly ref: string
  /** Type-only. */
  readonly $reply?: R
}

/** A topic that a client has joined, with what came for it and what was broadcast on it since. */
export class TestChannel<In = unknown, Out = unknown> {
  /** Type-only. */
  readonly $types?: { readonly in: In; readonly out: Out }
  readonly socket: TestSocket
  readonly topic: string
  /** @internal */
  readonly joinRef: string
  /** @internal What the server sent to this client. */
  readonly frames = new Inbox()
  /** @internal What was published on the topic, whoever it was for. */
  readonly broadcasts = new Inbox()
  /** What the client was told when the channel ended. */
  end: 'phx_close' | 'phx_error' | undefined
  /** What `terminate` was called with. */
  reason: TerminateReason | undefined
  /** The join's. */
  reply: unknown
  #server: AnySocket | undefined

  /** @internal */
  constructor(socket: TestSocket, topic: string) {
    this.socket = socket
    this.topic = topic
    this.joinRef = socket.nextRef()
  }

  get endpoint(): TestEndpoint {
    return this.socket.endpoint
  }

  /** The server's, as they are now. */
  get assigns(): Readonly<Record<string, unknown>> {
    return { ...this.#server?.assigns }
  }

  /** @internal Sends the join. Returns the function that ends listening to the topic. */
  join(payload: unknown): () => void {
    const stop = this.endpoint.listen(this.topic, (broadcast) => {
      const { event } = broadcast
      this.broadcasts.put({ kind: 'broadcast', name: event, payload: broadcast.copyPayload() })
    })
    this.socket.join(this, this.joinRef, payload)
    return stop
  }

  /** @internal */
  send<R>(event: string, payload: unknown): Ref<R> {
    const { socket, topic, joinRef } = this
    const ref = socket.nextRef()
    socket.send({ joinRef, ref, topic, event, payload })
    return { channel: this, event, ref }
  }

  /** @internal */
  started(socket: AnySocket): void {
    this.#server = socket
  }

  /** @internal */
  terminated(reason: TerminateReason): void {
    this.reason = reason
  }

  /** @internal Frames of another topic, or of another join of this one, are not for it: as in phoenix.js. */
  receive({ topic, joinRef, ref, event, payload }: Message): void {
    if (topic !== this.topic || (joinRef !== null && joinRef !== this.joinRef)) return
    if (event === PHX.close || event === PHX.error) this.end = event
    else if (event === PHX.reply) {
      const { status, response } = payload as { status: string; response: unknown }
      this.frames.put({ kind: 'reply', name: String(ref), status, payload: response })
    } else if (joinRef !== null || !this.end) {
      // What `terminate` pushes comes after the end; a broadcast then is for a later join.
      this.frames.put({ kind: 'push', name: String(event), payload })
    }
  }
}
