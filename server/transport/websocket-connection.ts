import { CLOSE, type CloseReason } from '../protocol/close.ts'
import type { Sent } from '../protocol/message.ts'
import type { Connection } from '../socket/connection.ts'
import type { Socket } from '../socket/socket.ts'
import type { Telemetry } from '../telemetry.ts'
import type { Served } from './connections.ts'
import type { SharedLanes } from './lanes.ts'
import type { WebSocket } from './uws.ts'

/** What uWS keeps with each WebSocket. */
export interface UserData {
  connection?: WebSocketConnection
}

/** uWS's answer to `send`. */
const SENT: readonly Sent[] = ['buffered', 'sent', 'dropped']

/**
 * A uWS WebSocket behind the machine's interface. uWS throws when a closed socket is touched: the handle is
 * forgotten the moment it closes, and everything after does nothing.
 */
export class WebSocketConnection implements Connection, Served {
  #ws: WebSocket<UserData> | undefined
  readonly #compress: boolean
  readonly #lanes: SharedLanes
  readonly #telemetry: Telemetry
  /** Subscriptions beyond the first to one lane: uWS counts a lane once per socket. */
  #repeated: Map<string, number> | undefined
  #drained: (() => void)[] | undefined
  /** It takes nothing more, and what it asks is not looked at: it is cut on the next turn. */
  #lost = false
  /** Whether the client sent anything, pings included, since somebody looked: a clock per message costs more. */
  heard = true
  #heardAt = 0
  readonly timeoutMs: number
  /** Set right after the connection is made, before anything arrives. */
  socket: Socket | undefined

  constructor(
    ws: WebSocket<UserData>,
    options: { readonly compress: boolean; readonly timeoutMs: number },
    lanes: SharedLanes,
    telemetry: Telemetry,
  ) {
    this.#ws = ws
    this.#compress = options.compress
    this.timeoutMs = options.timeoutMs
    this.#lanes = lanes
    this.#telemetry = telemetry
  }

  send(data: string | Uint8Array, isBinary: boolean): Sent {
    if (!this.#ws || this.#lost) return 'dropped'
    const sent = SENT[this.#ws.send(data, isBinary, this.#compress)] ?? 'dropped'
    if (sent === 'dropped') this.lose()
    return sent
  }

  /**
   * Something was not delivered: whatever followed would hide the hole. The connection takes nothing more and
   * is cut on the next turn.
   */
  lose(): void {
    if (this.#lost || !this.#ws) return
    this.#lost = true
    this.#telemetry.dropped.publish({ reason: 'slow_consumer', count: 1 })
    setImmediate(() => this.socket?.close('tooSlow'))
  }

  close(reason: CloseReason): void {
    const ws = this.#ws
    this.#ws = undefined
    const { code } = CLOSE[reason]
    if (code === CLOSE.tooSlow.code) ws?.close()
    else ws?.end(code)
  }

  subscribe(lane: string): void {
    if (!this.#ws) return
    if (this.#ws.isSubscribed(lane)) {
      this.#repeated ??= new Map()
      this.#repeated.set(lane, (this.#repeated.get(lane) ?? 0) + 1)
    } else this.#ws.subscribe(lane)
  }

  unsubscribe(lane: string): void {
    const repeated = this.#repeated?.get(lane)
    if (repeated === undefined) this.#ws?.unsubscribe(lane)
    else if (repeated === 1) this.#repeated?.delete(lane)
    else this.#repeated?.set(lane, repeated - 1)
  }

  publish(lane: string, data: string | Uint8Array, isBinary: boolean): void {
    if (this.#ws) {
      this.#ws.publish(lane, data, isBinary)
      this.#lanes.publishBeside(lane, data, isBinary)
    } else this.#lanes.publish(lane, data, isBinary)
  }

  onceDrained(listener: () => void): void {
    if (this.#ws && this.#ws.getBufferedAmount() > 0) {
      this.#drained ??= []
      this.#drained.push(listener)
    } else queueMicrotask(listener)
  }

  /**
   * uWS wrote something that had been buffered. Listeners are called on the next turn: what is sent inside
   * uWS's drain handler and cut short there gets no further drain, and its sender would wait for ever.
   */
  drained(): void {
    if (this.#ws && this.#ws.getBufferedAmount() > 0) return
    const listeners = this.#drained
    if (!listeners) return
    this.#drained = undefined
    setImmediate(() => {
      for (const listener of listeners) listener()
    })
  }

  /** A client's message. */
  received(data: ArrayBuffer, isBinary: boolean): void {
    if (!this.#lost) this.socket?.receive(data, isBinary)
  }

  silentMs(now: number): number {
    if (this.heard) this.#heardAt = now
    this.heard = false
    return now - this.#heardAt
  }

  /** uWS closed the WebSocket. */
  closed(): void {
    this.#ws = undefined
    this.drained()
    this.socket?.closed()
  }
}
