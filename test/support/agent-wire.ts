import type { Channel, Socket } from 'phoenix'
import { Queue } from './queue.ts'
import type { WireClient } from './wire-client.ts'

/** A message of the joined topic. */
export interface Incoming {
  readonly event: unknown
  readonly ref: unknown
  readonly payload: unknown
}

/** What a client needs of its connection: one joined topic of it. */
export interface Wire {
  /** All messages so far, oldest first. */
  readonly log: readonly Incoming[]
  /** Sends a request and returns its ref. */
  send(event: string, payload: unknown): string
  /** Sends a request that has no ref. */
  sendWithoutRef(event: string, payload: unknown): void
  /** The first message that matches of those not handed out yet, now or to come. */
  next(matches: (message: Incoming) => boolean, timeoutMs?: number): Promise<Incoming>
  /** Resolves once everything that the server has sent by now is here. */
  fence(): Promise<unknown>
  /** Cuts the connection. */
  cut(): void
}

/**
 * A topic of a connection of raw frames, whose first request is the join. Of V2, `joinRef` is the ref that the
 * join gets: 1.
 */
export function onWire(wire: WireClient, topic: string, joinRef?: '1'): Wire {
  const push = (event: string, payload: unknown, ref: string | null) =>
    wire.push({ topic, event, payload, ref, joinRef })
  let refs = 0
  return {
    get log() {
      return wire.frames.filter((frame) => frame.topic === topic)
    },
    send(event, payload) {
      refs += 1
      push(event, payload, String(refs))
      return String(refs)
    },
    sendWithoutRef: (event, payload) => push(event, payload, null),
    next: (matches, timeoutMs) =>
      wire.next((frame) => frame.topic === topic && matches(frame), timeoutMs),
    fence: () => wire.fence(),
    cut: () => wire.terminate(),
  }
}

/** A channel of the official client, of which `queue` gets every message. */
export function onChannel(socket: Socket, channel: Channel, queue: Queue<Incoming>): Wire {
  const { topic } = channel
  return {
    log: queue.all,
    // The types leave out a push's ref.
    send: (event, sent) =>
      (channel.push(event, sent as object) as unknown as { readonly ref: string }).ref,
    sendWithoutRef: (event, payload) => socket.push({ topic, event, payload, ref: null }),
    next: (matches, timeoutMs) => queue.next(matches, timeoutMs),
    fence: () => new Promise((resolve) => socket.ping(resolve)),
    cut: () => socket.disconnect(),
  }
}

/** Every message of a channel; phoenix.js turns each reply into an event of its own, too. */
export function hearChannel(channel: Channel, take: (message: Incoming) => void): void {
  channel.onMessage = (event, payload, ref) => {
    if (!event.startsWith('chan_reply_')) take({ event, payload, ref: ref ?? null })
    return payload
  }
}

export const incomingQueue = (): Queue<Incoming> =>
  new Queue<Incoming>((message) => JSON.stringify(message))
