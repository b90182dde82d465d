/** What a channel author sees and writes. */
import type { Static, TSchema } from '@sinclair/typebox'
import type { Broadcast } from '../protocol/broadcast.ts'
import type { Sent } from '../protocol/message.ts'
import type { Custom, Err, NoReply, Ok, Stop, TerminateReason } from './result.ts'
import type { Problem } from './schema.ts'

export type MaybePromise<T> = T | Promise<T>
export type None = Record<never, never>
export type Schemas = { readonly [event: string]: TSchema }
/** Incoming events: the payload's schema, and the reply's where the handler must answer. */
export type Contract = {
  readonly [event: string]: { readonly payload: TSchema; readonly reply?: TSchema }
}

/** The topics that a pattern matches, as a type: `agent:*` is `agent:${string}`. */
export type TopicOf<P extends string> = P extends `${infer Head}*` ? `${Head}${string}` : P
/** The assigns that `join` returned with `ok(…, assigns)`. */
export type AssignsOf<J> =
  Awaited<J> extends infer X ? (X extends Ok<infer _R, infer A> ? A : never) : never

/** A push kept to be answered later, outside its handler, as `socket_ref` in Phoenix (C3.51). */
export interface SocketRef {
  /** Sends a `phx_reply` as long as the connection lives, even after the channel is gone. */
  reply(status: string, response: unknown): void
}

/** The endpoint as a channel sees it. */
export interface EndpointHandle {
  /** To every subscriber of any topic on every node, past all channel code. */
  broadcast(topic: string, event: string, payload: unknown): void
}

/**
 * One joined topic of one connection. Everything on it is inert once the channel has ended: nothing throws,
 * nothing is sent. During `join`, what would send throws: the channel is not joined yet (C3.6).
 */
export interface Socket<T extends string, A, Out extends Schemas> {
  readonly topic: T
  /** What `*` matched. */
  readonly subtopic: string
  /** The socket's id, by which `disconnect` finds it; null for an anonymous one. */
  readonly id: string | null
  /** The time is over for which `connect` let the connection in: broadcasts to it stop, requests still come. */
  readonly expired: boolean
  readonly assigns: Readonly<A>
  readonly endpoint: EndpointHandle
  /** The ref of the message being handled; null where the client sent none. */
  readonly ref: unknown
  /** Changes assigns of this channel alone. */
  assign(changes: Partial<A>): void
  /** Closes the whole connection with 4401, after what was sent: its client has to connect anew. */
  expire(): void
  /** Throws where the message being handled has no ref (C3.52). */
  socketRef(): SocketRef
  /**
   * Says that this client is still owed something when its handler is done: a node that shuts down closes the
   * connection after `work`, where the time allows. What it rejects with crashes the channel.
   */
  waitUntil(work: Promise<unknown>): void
  /** To this client. Throws EncodeError for a payload the wire cannot carry. */
  push<E extends keyof Out & string>(event: E, payload: Static<Out[E]>): void
  /** To every subscriber of the topic, this one included, on every node. */
  broadcast<E extends keyof Out & string>(event: E, payload: Static<Out[E]>): void
  /** To every subscriber but this channel. */
  broadcastFrom<E extends keyof Out & string>(event: E, payload: Static<Out[E]>): void
  /** To this node's subscribers. */
  localBroadcast<E extends keyof Out & string>(event: E, payload: Static<Out[E]>): void
  /**
   * Subscribes to another pub/sub topic. With `as`, its broadcasts go straight to the client under that
   * wire topic; without, each comes to `handleInfo` as a Broadcast (C3.70). Again is the same as once.
   */
  subscribe(topic: string, options?: { readonly as: string }): Promise<void> | undefined
  unsubscribe(topic: string): void
  /** Queues a message to this channel's own `handleInfo`, after everything that already waits. */
  sendInfo(message: unknown): void
  /**
   * Sends a broadcast to this client alone, as its own topic's subscribers would see it. The frame is encoded
   * once per serializer however many sockets it goes to. An expired one gets nothing: `dropped`.
   */
  deliver(broadcast: Broadcast): Sent
  /** Calls `listener` once, when the connection has room again after a `deliver` that was `buffered`. */
  onceDrained(listener: () => void): void
  /** Calls `listener` once when the channel ends, however it does. False: it has, and nothing is called. */
  onEnd(listener: () => void): boolean
}

/** What a handler of an event without a declared reply may return: nothing, mostly. */
// biome-ignore lint/suspicious/noConfusingVoidType: a handler that returns nothing
export type Unanswered = void | undefined | Stop | NoReply
export type HandlerResult<E> = E extends { readonly reply: infer R extends TSchema }
  ? Ok<Static<R>> | Err | Custom | Stop | NoReply
  : Unanswered

/** A payload that its schema refused. */
export interface InvalidMessage {
  readonly event: string
  readonly payload: unknown
  readonly problem: Problem
}

export type JoinResult = Ok<unknown, object> | Err

export interface ChannelDefinition<
  T extends string,
  P extends TSchema,
  J extends MaybePromise<JoinResult>,
  In extends Contract,
  Out extends Schemas,
  S extends object,
> {
  /** Schema of the join payload; every JSON value where absent. */
  readonly params?: P
  readonly in?: In
  readonly out?: Out
  /** Static assigns, merged over the socket's at join (C3.16). */
  readonly assigns?: S
  /** False: joining does not subscribe to the topic; the channel subscribes later, to what it chooses. */
  readonly autoSubscribe?: boolean
  // `join` must come before `handleIn`: TypeScript infers assigns left to right.
  join(socket: Socket<TopicOf<T>, S, Out>, params: Static<P>): J
  readonly handleIn?: {
    readonly [E in keyof In]: (
      socket: Socket<TopicOf<T>, S & AssignsOf<J>, Out>,
      payload: Static<In[E]['payload']>,
    ) => MaybePromise<HandlerResult<In[E]>>
  }
  /** Any event that `in` does not name. Without it such an event crashes the channel, as in Phoenix. */
  catchAll?(
    socket: Socket<TopicOf<T>, S & AssignsOf<J>, Out>,
    event: string,
    payload: unknown,
  ): MaybePromise<Ok | Err | Custom | Unanswered>
  /**
   * A payload that its schema refused, instead of the reply `{reason: "invalid payload: …"}`. Joins too,
   * where `event` is `phx_join`: there only `error(…)` may be returned.
   */
  handleInvalid?(
    socket: Socket<TopicOf<T>, S & Partial<AssignsOf<J>>, Out>,
    message: InvalidMessage,
  ): MaybePromise<Err | Custom | Unanswered>
  /** The keys are the intercepted events: the client gets only what the handler pushes. */
  readonly handleOut?: {
    readonly [E in keyof Out]?: (
      socket: Socket<TopicOf<T>, S & AssignsOf<J>, Out>,
      payload: Static<Out[E]>,
    ) => MaybePromise<Unanswered>
  }
  /** Messages from `sendInfo`, and broadcasts of topics subscribed to without `as`. */
  handleInfo?(
    socket: Socket<TopicOf<T>, S & AssignsOf<J>, Out>,
    message: unknown,
  ): MaybePromise<Unanswered>
  /**
   * After broadcasts of other nodes to `topic` may have been missed: the connection to them was lost and is
   * back. Without it nothing is said.
   */
  handleGap?(
    socket: Socket<TopicOf<T>, S & AssignsOf<J>, Out>,
    topic: string,
  ): MaybePromise<Unanswered>
  /** After the channel ended, for every reason but a duplicate join (C3.40). What it pushes still goes out. */
  terminate?(
    reason: TerminateReason,
    socket: Socket<TopicOf<T>, S & Partial<AssignsOf<J>>, Out>,
  ): MaybePromise<void>
}

/** A socket whose channel's types are not known: what the machine hands to a channel. */
export type AnySocket = Socket<string, object, Schemas>

/** A defined channel, as the machine runs it. Results are unchecked: the machine looks at them. */
export interface Channel<T extends string = string, P = unknown, In = unknown, Out = unknown> {
  readonly topic: T
  /** Type-only carriers, for typed clients and tests. */
  readonly $types?: { readonly params: P; readonly in: In; readonly out: Out }
  readonly assigns: object
  readonly autoSubscribe: boolean
  readonly intercepts: ReadonlySet<string>
  /** The sub-topic, or undefined where the topic is not this channel's. */
  match(topic: string): string | undefined
  join(socket: AnySocket, params: unknown): unknown
  handleIn(socket: AnySocket, event: unknown, payload: unknown): unknown
  handleOut(socket: AnySocket, event: string, payload: unknown): unknown
  /** Undefined where the channel has no `handleInfo`: such messages are logged and ignored (C3.71). */
  readonly handleInfo: ((socket: AnySocket, message: unknown) => unknown) | undefined
  readonly handleGap: ((socket: AnySocket, topic: string) => unknown) | undefined
  terminate(reason: TerminateReason, socket: AnySocket): unknown
}
