/** What the tests of the channel machine share: a server in this process, channels in a few lines, waiting. */

import type { TerminateReason } from '../../../server/channel/result.ts'
import type { AnySocket } from '../../../server/channel/types.ts'
import type { SocketDefinition } from '../../../server/channel/user-socket.ts'
import { createEndpoint, type Endpoint, type EndpointOptions } from '../../../server/endpoint.ts'
import { type Channel, defineChannel, defineSocket, ok } from '../../../server/index.ts'
import { createLocalPubSub } from '../../../server/pubsub/local.ts'
import type { PubSub, Subscriber } from '../../../server/pubsub/pubsub.ts'
import type { Signal } from '../../../server/telemetry.ts'
import type { LongPollOptions } from '../../../server/transport/longpoll.ts'
import type { WebSocketOptions } from '../../../server/transport/websocket.ts'
import type { WireMessage } from '../../support/client-codec.ts'
import { closeSockets } from '../../support/phoenix-client.ts'
import { Queue } from '../../support/queue.ts'
import {
  connectWire,
  replyTo,
  terminateWires,
  type WireClient,
  type WireFrame,
  type WireOptions,
} from '../../support/wire-client.ts'

export type Json = Readonly<Record<string, unknown>>

/** A channel's behaviour. What a handler returns is up to the test, right or wrong. */
export interface Script {
  readonly topic?: string
  readonly join?: (socket: AnySocket, params: Json) => unknown
  /** By event; any other event crashes the channel. */
  readonly on?: Readonly<Record<string, (socket: AnySocket, payload: Json) => unknown>>
  /** Intercepted events. */
  readonly intercept?: Readonly<Record<string, (socket: AnySocket, payload: Json) => unknown>>
  readonly info?: (socket: AnySocket, message: unknown) => unknown
  readonly terminate?: (reason: TerminateReason, socket: AnySocket) => unknown
  readonly assigns?: object
  readonly autoSubscribe?: boolean
}

/** A channel `room:*`, unless the script says otherwise, that any socket may join. */
export function room(script: Script = {}): Channel {
  const { topic = 'room:*', join: joins = () => ok(), on = {}, intercept, info, ...rest } = script
  const handlers = new Map(Object.entries(on))
  return defineChannel(topic, {
    ...(rest as object),
    join: joins as never,
    catchAll(socket, event, payload) {
      const handler = handlers.get(event)
      if (!handler) throw new Error(`no such event: ${event}`)
      return handler(socket as AnySocket, payload as Json) as undefined
    },
    ...(intercept && { handleOut: intercept as never }),
    ...(info && { handleInfo: info as never }),
  })
}

export interface ServeOptions extends Omit<EndpointOptions, 'mounts'> {
  readonly connect?: SocketDefinition<Readonly<Record<string, string>>, unknown>['connect']
  readonly websocket?: Partial<WebSocketOptions>
  readonly longpoll?: Partial<LongPollOptions>
  readonly maxChannels?: number
  /** A free one unless told. */
  readonly port?: number
}

export interface Server {
  /** `http://127.0.0.1:…`; the mount is `/socket`. */
  readonly url: string
  readonly endpoint: Endpoint
}

const running = new Set<Endpoint>()

/** Starts an endpoint with these channels on loopback. */
export async function serve(
  channels: Channel | readonly Channel[],
  options: ServeOptions = {},
): Promise<Server> {
  const { connect, websocket, longpoll, maxChannels, port: wanted = 0, ...rest } = options
  const socket = defineSocket({
    channels: [channels].flat(),
    ...(connect && { connect }),
  })
  const mount = {
    path: '/socket',
    socket,
    ...(websocket && { websocket }),
    ...(longpoll && { longpoll }),
    ...(maxChannels !== undefined && { maxChannels }),
  }
  const endpoint = createEndpoint({ ...rest, mounts: [mount] })
  const port = await endpoint.listen('127.0.0.1', wanted)
  running.add(endpoint)
  return { url: `http://127.0.0.1:${port}`, endpoint }
}

/** Ends every client and every server of a test: for `afterEach`. */
export async function cleanUp(): Promise<void> {
  terminateWires()
  await closeSockets()
  const drained = [...running].map((endpoint) =>
    endpoint.drain({ deadlineMs: 0, batchSize: 1_000, batchIntervalMs: 0 }),
  )
  running.clear()
  await Promise.all(drained)
}

/** `[join_ref, ref, topic, event, payload]`, to compare whole frames. */
export const parts = ({ joinRef, ref, topic, event, payload }: WireMessage) => [
  joinRef,
  ref,
  topic,
  event,
  payload,
]

/** The frame of a reply, in the same form. */
export const replied = (
  joinRef: unknown,
  ref: unknown,
  topic: unknown,
  status: string,
  response: unknown = {},
) => [joinRef, ref, topic, 'phx_reply', { status, response }]

export const closeOf = (joinRef: unknown, topic: string) => [
  joinRef,
  joinRef,
  topic,
  'phx_close',
  {},
]

export const crashOf = (joinRef: unknown, topic: string) => [
  joinRef,
  joinRef,
  topic,
  'phx_error',
  { reason: 'channel_crash' },
]

let refs = 0
/** A ref that no other push of the test run has. */
function newRef(): string {
  refs += 1
  return `r${refs}`
}

/** Pushes and waits for the reply, of whatever status. */
export async function ask(
  client: WireClient,
  topic: string,
  event: string,
  payload: unknown = {},
  joinRef: string | null = null,
): Promise<WireFrame> {
  const ref = newRef()
  client.push({ topic, event, payload, ref, joinRef })
  return client.next(replyTo(ref))
}

/** Joins with `joinRef` as both refs, and waits for the ok. */
export async function join(
  client: WireClient,
  topic: string,
  joinRef = '1',
  payload: unknown = {},
): Promise<WireFrame> {
  client.push({ topic, event: 'phx_join', payload, ref: joinRef, joinRef })
  const frame = await client.next(replyTo(joinRef))
  const { status } = frame.payload as { status: string }
  if (status !== 'ok') throw new Error(`join of ${topic}: ${JSON.stringify(frame.payload)}`)
  return frame
}

/** A client that has joined a topic, with "1" as both refs. */
export async function member(
  url: string,
  topic = 'room:a',
  options: WireOptions = {},
): Promise<WireClient> {
  const client = await connectWire(url, options)
  await join(client, topic)
  return client
}

/** The next frames, in the order they came. */
export async function nextParts(client: WireClient, count: number): Promise<unknown[][]> {
  const frames: unknown[][] = []
  for (let each = 0; each < count; each += 1) frames.push(parts(await client.next()))
  return frames
}

/** Matches frames of one event. */
export const isEvent =
  (event: string) =>
  (frame: WireMessage): boolean =>
    frame.event === event

/** Everything that a test's channels report, to wait for. */
export const log = <T>(): Queue<T> => new Queue<T>((value) => JSON.stringify(value))

/** Everything that a signal tells from now on. */
export function recorded<T>(signal: Signal<T>): Queue<T> {
  const queue = log<T>()
  signal.subscribe((value) => queue.push(value))
  return queue
}

export interface CountingPubSub {
  readonly pubsub: PubSub
  /** How many subscriptions there are, and how many there were at most. */
  subscriptions(): number
  most(): number
}

/** A local PubSub that counts who subscribes. */
export function countingPubSub(): CountingPubSub {
  const local = createLocalPubSub()
  const held = new Map<string, Set<Subscriber>>()
  const size = () => [...held.values()].reduce((sum, { size: each }) => sum + each, 0)
  let most = 0
  return {
    pubsub: {
      ...local,
      subscribe(topic, subscriber) {
        held.set(topic, (held.get(topic) ?? new Set()).add(subscriber))
        most = Math.max(most, size())
        return local.subscribe(topic, subscriber)
      },
      unsubscribe(topic, subscriber) {
        held.get(topic)?.delete(subscriber)
        if (held.get(topic)?.size === 0) held.delete(topic)
        local.unsubscribe(topic, subscriber)
      },
    },
    subscriptions: size,
    most: () => most,
  }
}
