/** The session's channel: joined, authenticated, and both again by itself after every loss (contract 4, 9). */
import type { Channel, Push, Socket } from 'phoenix'
import type {
  Authenticated,
  AuthenticateRequest,
  JoinReply,
} from '../../channels/agent/contract.ts'
import { Cursor, type Position } from './cursor.ts'
import { type AgentError, refusedWith } from './errors.ts'
import { spreadReconnects } from './spread.ts'

/** Refusals that no repetition changes. */
const FINAL: ReadonlySet<string> = new Set([
  'invalid_payload',
  'permission_denied',
  'session_mismatch',
])

type Credentials = AuthenticateRequest['payload']

/** What the link tells, as it happens. */
export interface LinkListener {
  /** Authenticated: requests may be sent. */
  ready(): void
  /** The connection or the channel is gone, and answers with it; both come back by themselves. */
  lost(): void
  /** For good: by `close`, by another join of the topic on this socket, or because of `error`. */
  closed(error: AgentError | undefined): void
  /** Session events are missing before the next one. */
  notRecovered(position: Position): void
  /** What the channel got; numbered events each once and in order. */
  event(event: string, payload: object): void
}

export class Link {
  readonly #socket: Socket
  readonly #channel: Channel
  readonly #cursor: Cursor
  readonly #listener: LinkListener
  readonly #timeoutMs: number
  readonly #retryAfterMs = spreadReconnects(() => this.reconnectJitterMs)
  /** What it authenticates with. */
  credentials: Credentials
  /** As the server asked for at the last join. */
  reconnectJitterMs: number | undefined
  /** Why the server refused last. */
  refusal: AgentError | undefined
  #state: 'joining' | 'authenticating' | 'ready' | 'closed' = 'joining'
  /** The push whose answer is waited for. */
  #authentication: Push | undefined
  /** Authentications that failed since the last one that did not. */
  #tries = 0
  #retry: ReturnType<typeof setTimeout> | undefined

  /** Joins at once. `timeoutMs` is how long the server may take for a join, and for an authentication. */
  constructor(
    socket: Socket,
    credentials: Credentials,
    options: { readonly timeoutMs: number; readonly resume: Position | undefined },
    listener: LinkListener,
  ) {
    const { sessionId, businessId } = credentials
    this.#socket = socket
    this.#channel = socket.channel(`agent:${sessionId}`, { businessId })
    this.#cursor = new Cursor(options.resume)
    this.#timeoutMs = options.timeoutMs
    this.#listener = listener
    this.credentials = credentials
    this.#join()
  }

  get channel(): Channel {
    return this.#channel
  }

  get position(): Position | undefined {
    return this.#cursor.position
  }

  /** Whether a push goes out at once, to a server that knows who sends it. */
  get isOpen(): boolean {
    return this.#state === 'ready' && this.#socket.isConnected()
  }

  push(event: string, payload: object, timeoutMs: number): Push {
    return this.#channel.push(event, payload, timeoutMs)
  }

  /** Leaves the channel. Again is the same as once. */
  close(error?: AgentError): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    clearTimeout(this.#retry)
    if (this.#channel.state !== 'closed') this.#channel.leave()
    this.#listener.closed(error)
  }

  #join(): void {
    this.#channel.onError(() => this.#lost())
    this.#channel.onClose(() => this.close())
    this.#channel.onMessage = (event, payload) => {
      if (event.startsWith('agent_') && this.#accepts(event, payload)) {
        this.#listener.event(event, payload)
      }
      return payload
    }
    // phoenix.js joins again by itself, and answers here each time.
    this.#channel
      .join(this.#timeoutMs)
      .receive('ok', ({ reconnectJitterMs }: JoinReply) => {
        this.reconnectJitterMs = reconnectJitterMs
        this.#authenticate()
      })
      .receive('error', (response) => this.#refused(response))
  }

  #lost(): void {
    if (this.#state === 'closed') return
    this.#state = 'joining'
    this.#authentication = undefined
    clearTimeout(this.#retry)
    this.#listener.lost()
  }

  /** Says who it is, and asks for everything after the last event that came. */
  #authenticate(): void {
    this.#state = 'authenticating'
    clearTimeout(this.#retry)
    // Where the connection is going down, phoenix.js would keep it for the next one; that has its own.
    if (!this.#socket.isConnected()) return
    const { sessionId } = this.credentials
    const payload = { ...this.credentials, ...this.#cursor.position }
    const push = this.push('agent_authenticate', { sessionId, payload }, this.#timeoutMs)
    this.#authentication = push
    const ifCurrent =
      <T>(act: (response: T) => void) =>
      (response: T) => {
        if (this.#authentication === push) act(response)
      }
    push
      .receive(
        'ok',
        ifCurrent((answer: Authenticated) => this.#authenticated(answer)),
      )
      .receive(
        'error',
        ifCurrent((response) => this.#refused(response)),
      )
      .receive(
        'timeout',
        ifCurrent(() => this.#retryLater()),
      )
  }

  #authenticated(answer: Authenticated): void {
    this.#authentication = undefined
    this.#tries = 0
    this.#state = 'ready'
    if (!this.#cursor.authenticated(answer)) this.#tellLost()
    // Who was just told may have closed it.
    if (this.#state === 'ready') this.#listener.ready()
  }

  /** A refused join phoenix.js repeats by itself, a refused authentication is for us to repeat. */
  #refused(response: unknown): void {
    this.refusal = refusedWith(response)
    if (FINAL.has(this.refusal.code)) this.close(this.refusal)
    else if (this.#state === 'authenticating') this.#retryLater()
  }

  #retryLater(): void {
    this.#authentication = undefined
    this.#tries += 1
    this.#retry = setTimeout(() => this.#authenticate(), this.#retryAfterMs(this.#tries))
  }

  /** Whether an event is to be delivered now: of the numbered ones each once and in order. */
  #accepts(event: string, { seq }: { readonly seq?: unknown }): boolean {
    if (typeof seq !== 'number' || event === 'agent_authenticated') return this.#state !== 'closed'
    const verdict = this.#cursor.accept(seq)
    if (verdict === 'resync' && this.#state === 'ready') this.#authenticate()
    if (verdict === 'resync' || verdict === 'drop') return false
    if (verdict === 'lost') this.#tellLost()
    return this.#state !== 'closed'
  }

  #tellLost(): void {
    const { position } = this
    if (position) this.#listener.notRecovered(position)
  }
}
