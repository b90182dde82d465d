import { Queue } from '../support/queue.ts'

/** What an answer can be; `timeout` is the client's own, where none came. */
const STATUSES = ['ok', 'error', 'timeout'] as const

/** The answer to a join, a push or a leave. */
export interface Answer {
  readonly status: (typeof STATUSES)[number]
  readonly response: unknown
}

/** Who is present, and the `status` of each of their metas. */
export type Present = Readonly<Record<string, readonly unknown[]>>

/** A topic that one client has joined, or has asked to join. */
export interface ClientChannel {
  /** The answers to its joins: the first one, and those that the client makes by itself. */
  readonly joins: Queue<Answer>
  /** Each time that the channel crashed, or lost its connection. */
  readonly errors: Queue<unknown>
  /** Each time that it was closed, by whichever side. */
  readonly closes: Queue<unknown>
  /** The payloads of an event from now on. */
  on(event: string): Queue<unknown>
  /** Pushes and resolves with the answer, which is the client's own after `timeoutMs` (its default). */
  push(event: string, payload: unknown, timeoutMs?: number): Promise<Answer>
  /** Who is present, each time that it changes; to be called before the join is answered. */
  presence(): Queue<Present>
  leave(): Promise<Answer>
}

/** One client's connection, which it makes anew by itself until `disconnect`. */
export interface ClientSocket {
  /** Each time that it opened. */
  readonly opens: Queue<true>
  /** The code of each close that it did not ask for. */
  readonly closes: Queue<unknown>
  /** The statuses of the answers to its heartbeats. */
  readonly heartbeats: Queue<unknown>
  /** Sends a heartbeat now. */
  heartbeat(): void
  /** Makes a channel and joins it. */
  join(topic: string, params: object): ClientChannel
  disconnect(): void
}

/** What a client may be without. */
export type Feature = 'binary' | 'longPolling'

/** One release of one client library. */
export interface Client {
  /** With its version, as its package tells it. */
  readonly name: string
  /** The features that this release does not have, each with how that is known. */
  readonly lacks: Readonly<Partial<Record<Feature, string>>>
  /** Whether it brings a long-polling transport. */
  readonly longPolls: boolean
  /** Connects to a server's mount (`http://…/socket`), by long-polling if told. */
  connect(
    url: string,
    params: Readonly<Record<string, string>>,
    isLongPolling?: boolean,
  ): ClientSocket
}

/** Short, so that nobody waits for a client's patience. */
export const RETRY_MS = 50

/** A queue that writes its values as JSON into the errors. */
export const queue = <T>() => new Queue<T>((value) => JSON.stringify(value))

/** A message in the form that both serializers of a client give it. */
export interface Message {
  readonly topic: string
  readonly event: string
  readonly payload: unknown
}

/** Keeps the status of the answer, where a message answers a heartbeat. */
export function hearHeartbeat({ topic, event, payload }: Message, heard: Queue<unknown>): void {
  if (topic !== 'phoenix' || event !== 'phx_reply') return
  heard.push((payload as { readonly status: unknown }).status)
}

/** What all clients have of a push. */
interface AnyPush {
  receive(status: string, callback: (response: unknown) => void): unknown
}

/** Tells the answer to a push, whichever it is. */
export function onAnswer(push: AnyPush, callback: (answer: Answer) => void): void {
  for (const status of STATUSES) push.receive(status, (response) => callback({ status, response }))
}
