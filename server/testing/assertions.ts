/** What a test may say of what came. */
import { AssertionError } from 'node:assert'
import type { TerminateReason } from '../channel/result.ts'
import type { CloseReason } from '../protocol/close.ts'
import type { OutgoingOf, Ref, SentOf, TestChannel } from './channel.ts'
import { failure, sentenceOf } from './failure.ts'
import { type Arrival, type Inbox, show } from './inbox.ts'
import { matches, type Pattern } from './pattern.ts'
import { Refused } from './refused.ts'
import type { TestSocket } from './socket.ts'
import { type WaitOptions, waitFor } from './waiting.ts'

/** What is looked for, and where. */
interface Wanted {
  readonly channel: TestChannel
  readonly inbox: Inbox
  /** As an error message calls it. */
  readonly what: string
  test(arrival: Arrival): boolean
}

const like = (pattern: unknown): string => {
  if (pattern === undefined) return ''
  return typeof pattern === 'function' ? ' that the guard takes' : ` like ${show(pattern)}`
}

function sent(
  kind: 'push' | 'broadcast',
  channel: TestChannel,
  event: string | undefined,
  pattern: unknown,
): Wanted {
  return {
    channel,
    inbox: kind === 'push' ? channel.frames : channel.broadcasts,
    what: `${kind}${event === undefined ? '' : ` "${event}"`}${like(pattern)} on ${channel.topic}`,
    test: (arrival) =>
      arrival.kind === kind &&
      (event === undefined || arrival.name === event) &&
      matches(pattern, arrival.payload),
  }
}

function replied({ channel, event, ref }: Ref, status: string | undefined, pattern: unknown) {
  const which = `${status === undefined ? '' : ` ${status}`}${like(pattern)}`
  return {
    channel,
    inbox: channel.frames,
    what: `reply${which} to "${event}" (${ref}) on ${channel.topic}`,
    test: (arrival) =>
      arrival.kind === 'reply' &&
      arrival.name === ref &&
      (status === undefined || arrival.status === status) &&
      matches(pattern, arrival.payload),
  } satisfies Wanted
}

async function find(wanted: Wanted, options: WaitOptions = {}): Promise<Arrival> {
  const { channel, inbox, what, test } = wanted
  const { endpoint } = channel
  const found = await waitFor(endpoint, () => inbox.take(test), options)
  if (typeof found === 'object') return found
  const came = inbox.lines.map((line) => `  ${line}`)
  const lines = came.length > 0 ? ['What came and was not asserted:', ...came] : ['Nothing came.']
  throw failure(channel, `no ${what}: ${sentenceOf(found, endpoint, options)}.`, lines)
}

async function refute(wanted: Wanted, options: WaitOptions = {}): Promise<void> {
  const { channel, inbox, what, test } = wanted
  const { endpoint } = channel
  const found = await waitFor(endpoint, () => inbox.find(test), options)
  if (typeof found === 'object') {
    throw failure(channel, `a ${what} came:`, [`  ${show(found.payload)}`])
  }
  if (found === 'hung') {
    throw failure(channel, `a ${what} may still come: ${sentenceOf(found, endpoint, options)}.`, [])
  }
  if (endpoint.crashes(channel.topic).length > 0) {
    throw failure(channel, `no ${what} came, but something crashed.`, [])
  }
}

/** The client got such a push, or a broadcast that was not intercepted. Resolves with its payload. */
export async function assertPush<In, Out, E extends OutgoingOf<Out>>(
  channel: TestChannel<In, Out>,
  event: E,
  pattern?: Pattern<SentOf<Out, E>>,
  options?: WaitOptions,
): Promise<SentOf<Out, E>> {
  const { payload } = await find(sent('push', channel, event, pattern), options)
  return payload as SentOf<Out, E>
}

/** The message was answered so. Resolves with the response. */
export async function assertReply<R, S extends string>(
  ref: Ref<R>,
  status: S,
  pattern?: Pattern<S extends 'ok' ? R : unknown>,
  options?: WaitOptions,
): Promise<S extends 'ok' ? R : unknown> {
  const { payload } = await find(replied(ref, status, pattern), options)
  return payload as S extends 'ok' ? R : unknown
}

/** Such a message was broadcast on the channel's topic, for whomever. Resolves with its payload. */
export async function assertBroadcast<In, Out, E extends OutgoingOf<Out>>(
  channel: TestChannel<In, Out>,
  event: E,
  pattern?: Pattern<SentOf<Out, E>>,
  options?: WaitOptions,
): Promise<SentOf<Out, E>> {
  const { payload } = await find(sent('broadcast', channel, event, pattern), options)
  return payload as SentOf<Out, E>
}

/** The client gets no such push; without an event, none at all. */
export async function refutePush<In, Out, E extends OutgoingOf<Out>>(
  channel: TestChannel<In, Out>,
  event?: E,
  pattern?: Pattern<SentOf<Out, E>>,
  options?: WaitOptions,
): Promise<void> {
  await refute(sent('push', channel, event, pattern), options)
}

/** The message is not answered so; without a status, not at all. */
export async function refuteReply(
  ref: Ref,
  status?: string,
  pattern?: Pattern<unknown>,
  options?: WaitOptions,
): Promise<void> {
  await refute(replied(ref, status, pattern), options)
}

/** No such message is broadcast on the channel's topic; without an event, none at all. */
export async function refuteBroadcast<In, Out, E extends OutgoingOf<Out>>(
  channel: TestChannel<In, Out>,
  event?: E,
  pattern?: Pattern<SentOf<Out, E>>,
  options?: WaitOptions,
): Promise<void> {
  await refute(sent('broadcast', channel, event, pattern), options)
}

async function ended(
  channel: TestChannel,
  end: 'phx_close' | 'phx_error',
  options: WaitOptions = {},
): Promise<TerminateReason | undefined> {
  const { endpoint } = channel
  const found = await waitFor(endpoint, () => (channel.end ? channel : undefined), options)
  const missed = `no ${end} on ${channel.topic}`
  if (typeof found !== 'object') {
    throw failure(channel, `${missed}: ${sentenceOf(found, endpoint, options)}.`, [])
  }
  if (channel.end !== end) throw failure(channel, `${missed}.`, [])
  return channel.reason
}

/**
 * The client was told that the channel closed. Resolves with what `terminate` was told; undefined for one that
 * a second join of its topic ended, where it is not called.
 */
export function assertClosed(
  channel: TestChannel,
  options?: WaitOptions,
): Promise<TerminateReason | undefined> {
  return ended(channel, 'phx_close', options)
}

/**
 * The client was told that the channel failed: a handler threw, or stopped it for a reason of its own.
 * Resolves with what `terminate` was told; a crash has the `error`.
 */
export async function assertError(
  channel: TestChannel,
  options?: WaitOptions,
): Promise<TerminateReason | undefined> {
  const reason = await ended(channel, 'phx_error', options)
  channel.endpoint.takeCrashes(channel.topic)
  return reason
}

/** The server closed the connection, for this reason if one is given. */
export async function assertDisconnected(
  socket: TestSocket,
  reason?: CloseReason,
  options: WaitOptions = {},
): Promise<CloseReason> {
  const { endpoint } = socket
  const end = () => socket.closeReason && { closed: socket.closeReason }
  const found = await waitFor(endpoint, end, options)
  if (typeof found !== 'object') {
    const why = sentenceOf(found, endpoint, options)
    throw new AssertionError({ message: `the connection is open: ${why}.` })
  }
  const { closed } = found
  if (reason !== undefined && closed !== reason) {
    throw new AssertionError({ message: `the connection was closed: ${closed}, not ${reason}.` })
  }
  if (closed === 'crashed') endpoint.takeCrashes()
  return closed
}

/**
 * A `connect` or a `join` that is not let in. Resolves with what the client was told. One that crashed is meant by
 * a pattern alone, such as `{ reason: 'join crashed' }`: without one it rejects with what was thrown as the `cause`.
 */
export async function assertRefused(
  attempt: Promise<TestSocket | TestChannel>,
  pattern?: Pattern<unknown>,
): Promise<unknown> {
  const [outcome] = await Promise.allSettled([attempt])
  if (outcome.status === 'fulfilled') throw new AssertionError({ message: 'it was let in.' })
  const { reason } = outcome
  if (!(reason instanceof Refused)) throw reason
  if (pattern === undefined && 'cause' in reason) throw reason
  if (!matches(pattern, reason.response)) {
    throw new AssertionError({ message: `${reason.message}, not${like(pattern)}.` })
  }
  return reason.response
}
