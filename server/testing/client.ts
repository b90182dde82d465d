/** What a client does. Each takes what it is about as its first argument, as Phoenix's own kit does. */
import { AssertionError } from 'node:assert'
import type { Channel, TopicOf } from '../channel/types.ts'
import { Broadcast } from '../protocol/broadcast.ts'
import { PHX } from '../protocol/message.ts'
import {
  type EventOf,
  type OutgoingOf,
  type PayloadOf,
  type Ref,
  type ReplyOf,
  type SentOf,
  TestChannel,
} from './channel.ts'
import type { TestEndpoint } from './endpoint.ts'
import { failure, sentenceOf } from './failure.ts'
import { Refused } from './refused.ts'
import type { TestSocket } from './socket.ts'
import { type WaitOptions, waitFor } from './waiting.ts'

/** A payload may be left out where `{}` is one. */
type Payload<P> = Record<never, never> extends P ? [payload?: P] : [payload: P]
type JoinPayload<P> =
  Record<never, never> extends P
    ? [payload?: P, options?: WaitOptions]
    : [payload: P, options?: WaitOptions]

/**
 * Joins a topic, and listens to what is broadcast on it. With the channel that the topic leads to, everything
 * is checked against its schemas at compile time; without, nothing is: for what a hostile client sends.
 * Rejects with Refused where the join is refused or crashes, with TypeError where the socket leads the topic
 * to another channel.
 */
export function join<T extends string, P, In, Out>(
  socket: TestSocket,
  channel: Channel<T, P, In, Out>,
  topic: TopicOf<T>,
  ...rest: JoinPayload<P>
): Promise<TestChannel<In, Out>>
export function join(
  socket: TestSocket,
  topic: string,
  payload?: unknown,
  options?: WaitOptions,
): Promise<TestChannel>
export async function join(socket: TestSocket, ...args: readonly unknown[]): Promise<TestChannel> {
  const isTyped = typeof args[0] !== 'string'
  const [topic, payload = {}, options] = (isTyped ? args.slice(1) : args) as [
    string,
    unknown?,
    WaitOptions?,
  ]
  if (isTyped && socket.route(topic) !== args[0]) {
    throw new TypeError(`the socket does not lead "${topic}" to that channel`)
  }
  return joined(new TestChannel(socket, topic), payload, options)
}

async function joined(
  channel: TestChannel,
  payload: unknown,
  options?: WaitOptions,
): Promise<TestChannel> {
  const { endpoint, joinRef, topic } = channel
  const stopListening = channel.join(payload)
  const answer = () => channel.frames.take(({ kind, name }) => kind === 'reply' && name === joinRef)
  const found = await waitFor(endpoint, answer, options)
  if (typeof found === 'object' && found.status === 'ok') {
    channel.reply = found.payload
    return channel
  }
  stopListening()
  if (typeof found !== 'object') {
    const why = sentenceOf(found, endpoint, options)
    throw failure(channel, `no answer to the join of ${topic}: ${why}.`, [])
  }
  const { reason } = channel
  if (reason?.type !== 'crashed') throw new Refused(`the join of ${topic}`, found.payload)
  endpoint.takeCrashes(topic)
  throw new Refused(`the join of ${topic}`, found.payload, { cause: reason.error })
}

/** Sends a message. Its handler may be done already when this returns. Throws EncodeError. */
export function push<In, Out, E extends EventOf<In>>(
  channel: TestChannel<In, Out>,
  event: E,
  ...[payload]: Payload<PayloadOf<In, E>>
): Ref<ReplyOf<In, E>> {
  return channel.send(event, payload === undefined ? {} : payload)
}

/** Broadcasts on the channel's topic as from elsewhere: all clients get it, `assertBroadcast` does not. */
export function broadcastFrom<In, Out, E extends OutgoingOf<Out>>(
  channel: TestChannel<In, Out>,
  event: E,
  payload: SentOf<Out, E>,
): void {
  const { endpoint, topic } = channel
  endpoint.shared.fanout.broadcast(new Broadcast(topic, event, payload), endpoint.self)
}

/** Leaves the topic, as `channel.leave()` does. */
export const leave = (channel: TestChannel): Ref => channel.send(PHX.leave, {})

/** Waits until nothing runs any more. Rejects where something does not end. */
export async function settled(
  { endpoint }: { readonly endpoint: TestEndpoint },
  options: WaitOptions = {},
): Promise<void> {
  const ending = await waitFor(endpoint, () => undefined, options)
  if (ending === 'hung') {
    throw new AssertionError({ message: `something still runs after ${endpoint.patienceMs} ms.` })
  }
}

/**
 * Cuts the connection, and waits until every `terminate` is done. Rejects where something crashed meanwhile or
 * before and no assertion asked for it: the last thing that a test does.
 */
export async function close(socket: TestSocket, options?: WaitOptions): Promise<void> {
  socket.lose()
  await settled(socket, options)
  const [crash] = socket.endpoint.takeCrashes()
  if (!crash) return
  const message = `${crash.topic ?? 'the connection'} crashed, which nothing asserted.`
  throw Object.assign(new AssertionError({ message }), { cause: crash.error })
}
