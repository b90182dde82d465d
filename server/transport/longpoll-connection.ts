/** One long-poll session as a connection: what is sent waits for a poll (protocol 4.4). */
import { CLOSE, type CloseReason } from '../protocol/close.ts'
import type { Sent } from '../protocol/message.ts'
import type { Connection } from '../socket/connection.ts'
import type { Socket } from '../socket/socket.ts'
import type { Telemetry } from '../telemetry.ts'
import type { Served } from './connections.ts'
import type { SharedLanes } from './lanes.ts'
import type { PostedMessage } from './longpoll-body.ts'
import {
  answer,
  type Done,
  NO_MESSAGES,
  type Outcome,
  type Pending,
  UNAVAILABLE,
} from './longpoll-outcome.ts'

export interface SessionOptions {
  /** How long a poll waits, and a message of a POST may take. */
  readonly windowMs: number
  /** A larger message ends the session. */
  readonly maxMessageBytes: number
  /** What may wait for a client that does not poll, before its session ends. */
  readonly maxBufferedBytes: number
}

/** A session without a poll for so many windows ends. */
const SILENT_WINDOWS = 1.5
/**
 * Up to here what is sent counts as sent, although no poll took it yet: as much as a TCP connection would take off
 * a sender's hands. A sender that waited for each message's poll would get one message into each.
 */
const BUFFERED_BYTES = 64 * 1024

/** What ends a session when its client's message is none that can be taken: its POST is told after a window. */
const FAULTS = new Set<CloseReason>(['crashed', 'tooBig', 'tooMany'])

interface Poll {
  readonly done: Done
  readonly timer: NodeJS.Timeout
}

export class LongPollConnection implements Connection, Served {
  /** Set right after the connection is made, before anything arrives. */
  socket: Socket | undefined
  /** When the client last polled: its POSTs do not count (C4.29). */
  #heardAt = performance.now()
  readonly timeoutMs: number
  readonly #options: SessionOptions
  readonly #lanes: SharedLanes
  readonly #telemetry: Telemetry
  readonly #onClosed: (code: number) => void
  #messages: (string | Uint8Array)[] = []
  #bytes = 0
  /** The newest poll; one that it replaced waits for its window, and gets nothing (C4.30). */
  #poll: Poll | undefined
  #isWaking = false
  #drained: (() => void)[] = []
  #state: 'open' | 'lost' | 'closed' = 'open'
  #endedBy: CloseReason | undefined

  constructor(
    options: SessionOptions,
    lanes: SharedLanes,
    telemetry: Telemetry,
    onClosed: (code: number) => void,
  ) {
    this.timeoutMs = SILENT_WINDOWS * options.windowMs
    this.#options = options
    this.#lanes = lanes
    this.#telemetry = telemetry
    this.#onClosed = onClosed
  }

  silentMs(now: number): number {
    return now - this.#heardAt
  }

  /** Takes all that waits, or waits for something. Undefined: it is answered. */
  poll(done: Done): Pending | undefined {
    this.#heardAt = performance.now()
    if (this.#messages.length > 0) {
      done(this.#take())
      return undefined
    }
    const { windowMs } = this.#options
    const forget = (): void => {
      clearTimeout(poll.timer)
      if (this.#poll === poll) this.#poll = undefined
    }
    const expire = (): void => {
      forget()
      done(NO_MESSAGES)
    }
    const poll: Poll = { done, timer: setTimeout(expire, windowMs) }
    this.#poll = poll
    return { cancel: forget, withinMs: windowMs }
  }

  /**
   * Hands messages to the socket, each when the one before has been taken. One that ends the session, or takes
   * longer than a window, is answered 408 then, and those behind it are skipped. Undefined: it is answered.
   */
  post(messages: readonly PostedMessage[], done: Done): Pending | undefined {
    const left = messages.values()
    let timer: NodeJS.Timeout | undefined
    let isOver = false
    const end = (status: 200 | 408): void => {
      cancel()
      done(answer(status))
    }
    const cancel = (): void => {
      isOver = true
      clearTimeout(timer)
    }
    const next = (): void => {
      if (isOver) return
      const { value } = left.next()
      if (value) {
        timer?.refresh()
        this.#receive(value)
        // One that was taken may end the session as well: by a disconnect.
        if (this.#endedBy && !FAULTS.has(this.#endedBy)) end(200)
        else this.socket?.onceTaken(next)
      } else end(200)
    }
    next()
    if (isOver) return undefined
    const { windowMs } = this.#options
    timer = setTimeout(() => end(408), windowMs)
    return { cancel, withinMs: windowMs * messages.length }
  }

  /** What cannot stand in a poll's JSON, which is bytes, is not delivered: phoenix.js has no form for it. */
  send(data: string | Uint8Array, isBinary: boolean): Sent {
    if (this.#state !== 'open') return 'dropped'
    if (isBinary) {
      this.#telemetry.dropped.publish({ reason: 'binary_for_longpoll', count: 1 })
      return 'sent'
    }
    if (this.#bytes > this.#options.maxBufferedBytes) {
      this.lose('slow_consumer')
      return 'dropped'
    }
    this.#messages.push(data)
    this.#bytes += Buffer.byteLength(data)
    this.#wake()
    return this.#bytes > BUFFERED_BYTES ? 'buffered' : 'sent'
  }

  /** As where a WebSocket loses a frame: whatever followed would hide the hole. */
  lose(reason: 'slow_consumer' | 'lost_poll'): void {
    if (this.#state !== 'open') return
    this.#state = 'lost'
    this.#empty()
    this.#telemetry.dropped.publish({ reason, count: 1 })
    setImmediate(() => this.socket?.close('tooSlow'))
  }

  close(reason: CloseReason): void {
    if (this.#state === 'closed') return
    // What was sent before comes first; and nobody need wait for a node that goes away.
    this.#flush()
    this.#state = 'closed'
    this.#endedBy = reason
    const poll = this.#poll
    this.#poll = undefined
    if (poll && reason === 'draining') {
      clearTimeout(poll.timer)
      poll.done(UNAVAILABLE)
    }
    this.#empty()
    this.#onClosed(CLOSE[reason].code)
  }

  subscribe(lane: string): void {
    if (this.#state !== 'closed') this.#lanes.subscribe(lane, this)
  }

  unsubscribe(lane: string): void {
    this.#lanes.unsubscribe(lane, this)
  }

  publish(lane: string, data: string | Uint8Array, isBinary: boolean): void {
    this.#lanes.publishFrom(this, lane, data, isBinary)
  }

  onceDrained(listener: () => void): void {
    if (this.#messages.length > 0) this.#drained.push(listener)
    else queueMicrotask(listener)
  }

  #receive({ data, isBinary }: PostedMessage): void {
    if (data.byteLength > this.#options.maxMessageBytes) this.socket?.close('tooBig')
    else this.socket?.receive(data, isBinary)
  }

  /** On the next turn, with what else is sent in this one. */
  #wake(): void {
    if (!this.#poll || this.#isWaking) return
    this.#isWaking = true
    setImmediate(() => {
      this.#isWaking = false
      this.#flush()
    })
  }

  #flush(): void {
    const poll = this.#poll
    if (!poll || this.#messages.length === 0) return
    this.#poll = undefined
    clearTimeout(poll.timer)
    poll.done(this.#take())
  }

  #take(): Outcome {
    const messages = JSON.stringify(this.#messages.map(textOf))
    this.#empty()
    return { kind: 'answer', status: 200, messages }
  }

  /** Listeners are called on the next turn, as a WebSocket's are. */
  #empty(): void {
    const listeners = this.#drained
    this.#messages = []
    this.#bytes = 0
    this.#drained = []
    if (listeners.length === 0) return
    setImmediate(() => {
      for (const listener of listeners) listener()
    })
  }
}

function textOf(message: string | Uint8Array): string {
  if (typeof message === 'string') return message
  return Buffer.from(message.buffer, message.byteOffset, message.byteLength).toString()
}
