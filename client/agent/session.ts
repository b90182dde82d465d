import { Presence, type Socket } from 'phoenix'
import type {
  AgentEvent,
  Authenticated,
  ChangeDecided,
  CoarsePermission,
  CommandCancelled,
  CommandResult,
  EventPayload,
  Modification,
  OperatorPresence,
  Permission,
  Query,
  QueryHistory,
  QueryHistoryRequest,
  QueryModified,
  QueryReverted,
} from '../../channels/agent/contract.ts'
import type { Position } from './cursor.ts'
import { type AgentError, notSent, unanswered } from './errors.ts'
import { Link } from './link.ts'
import { Listeners, type Unsubscribe } from './listeners.ts'
import type { Operations } from './operations.ts'
import { Requests } from './requests.ts'

const TIMEOUT_MS = 10_000
/** The longest that a timer can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1

export interface SessionOptions {
  readonly sessionId: string
  readonly businessId: string
  readonly operatorId: string
  readonly permissions: readonly (CoarsePermission | Permission)[]
  /** The `position` of an earlier session, to get what came since; without it, only what comes from now on. */
  readonly resume?: Position | undefined
  /** How long `open` and each request may take, in milliseconds (10,000). */
  readonly timeoutMs?: number
}

export interface RequestOptions {
  readonly timeoutMs?: number
}

export interface ExecuteOptions extends RequestOptions {
  /**
   * The application's own name for this one run, of 1 to 256 bytes: sent again after `unavailable`, it runs nothing
   * a second time and is answered with the first outcome. With it a command can be cancelled, and its progress told
   * from that of others.
   */
  readonly commandId?: string
}

/** Members of the query, each set as by a modification `modify`. */
export type QueryMembers = Partial<Omit<Query, 'repository'>>

/** An operator who is there, with what presence tells of each of its sockets. */
export interface Operator extends OperatorPresence {
  readonly operatorId: string
}

/**
 * `connecting`: requests wait, the session comes back by itself; `closed`: for good, because of `error` where
 * there is one.
 */
export interface StatusChange {
  readonly status: 'connecting' | 'ready' | 'closed'
  readonly error?: AgentError
}

type ServerEvents = {
  readonly [E in Exclude<AgentEvent, 'presence_state' | 'presence_diff'>]: EventPayload<E>
}

/** What a session can be listened to for: the server's events, and the client's own. */
export interface SessionEvents extends ServerEvents {
  /** Each change; the first one tells that it was opened. */
  readonly status: StatusChange
  /** Events before the next one are lost (contract 9, `recovered: false`): what was built on them is to be loaded anew. */
  readonly not_recovered: Position
  /** Everybody who is there, after each change. */
  readonly operators: readonly Operator[]
}

/**
 * One operator on one agent session, over a `Socket` of phoenix.js that the application connects. It comes back
 * by itself from whatever ends the connection, authenticates anew with what it has, and goes on: each numbered
 * event reaches the listeners once, in order. Promises reject with {@link AgentError}, always.
 *
 * A request is sent once at most: one made while the connection is away waits for it, one that was sent and got
 * no answer rejects with `unavailable`.
 */
export class AgentSession {
  readonly sessionId: string
  readonly businessId: string
  readonly operatorId: string
  readonly #timeoutMs: number
  readonly #link: Link
  readonly #requests: Requests
  readonly #presence: Presence
  readonly #listeners = new Listeners<SessionEvents>()
  #status: StatusChange['status'] = 'connecting'
  #opening: { resolve(): void; reject(error: AgentError): void } | undefined

  /**
   * Joins and authenticates. Rejects where the server refuses, or `timeoutMs` have passed. Listeners that are
   * added as soon as it resolves miss nothing.
   */
  static async open(socket: Socket, options: SessionOptions): Promise<AgentSession> {
    const session = new AgentSession(socket, options)
    await session.#opened()
    setTimeout(() => session.#listeners.flow(), 0)
    return session
  }

  private constructor(socket: Socket, options: SessionOptions) {
    const { sessionId, businessId, operatorId, permissions, resume } = options
    this.sessionId = sessionId
    this.businessId = businessId
    this.operatorId = operatorId
    this.#timeoutMs = Math.min(options.timeoutMs ?? TIMEOUT_MS, MAX_TIMER_MS)
    const credentials = { sessionId, businessId, operatorId, permissions: [...permissions] }
    const linkOptions = { resume, timeoutMs: this.#timeoutMs }
    this.#link = new Link(socket, credentials, linkOptions, {
      ready: () => this.#ready(),
      lost: () => this.#lost(),
      closed: (error) => this.#closed(error),
      notRecovered: (position) => this.#listeners.emit('not_recovered', position),
      event: (event, payload) =>
        this.#listeners.emit(event as AgentEvent & keyof SessionEvents, payload as never),
    })
    this.#requests = new Requests(this.#link)
    this.#presence = new Presence(this.#link.channel)
    this.#presence.onSync(() => this.#listeners.emit('operators', this.operators))
  }

  /** Calls `listener` with each event of this name; what is returned ends that. */
  on<E extends keyof SessionEvents>(
    event: E,
    listener: (payload: SessionEvents[E]) => void,
  ): Unsubscribe {
    return this.#listeners.on(event, listener)
  }

  get status(): StatusChange['status'] {
    return this.#status
  }

  /** Who is there, as far as is known. */
  get operators(): readonly Operator[] {
    return this.#presence.list((operatorId, { metas }: OperatorPresence) => ({ operatorId, metas }))
  }

  /** The last event that came, to `resume` from in another session; undefined before the first authentication. */
  get position(): Position | undefined {
    return this.#link.position
  }

  /** Over how long the server wants clients to spread their return, in milliseconds: see `spreadReconnects`. */
  get reconnectJitterMs(): number | undefined {
    return this.#link.reconnectJitterMs
  }

  /**
   * A command may take longer than other requests: give it `timeoutMs`. How far it is comes as
   * `agent_command_progress`.
   */
  execute<Result = unknown>(
    command: string,
    parameters: { readonly [name: string]: unknown } = {},
    { commandId, ...options }: ExecuteOptions = {},
  ): Promise<CommandResult<Result>> {
    const name = commandId === undefined ? {} : { commandId }
    const request = this.#nested({ command, parameters, ...name })
    // What a command's result is only its author knows.
    return this.#request('agent_execute_command', request, options) as Promise<
      CommandResult<Result>
    >
  }

  /** Ends the operator's own command of this name; its `execute` rejects with `command_cancelled`. */
  cancel(commandId: string, options?: RequestOptions): Promise<CommandCancelled> {
    return this.#request('agent_cancel_command', this.#nested({ commandId }), options)
  }

  /** By a list of modifications, or by members of the query to set. */
  modifyQuery(
    repositoryType: string,
    modifications: readonly Modification[] | QueryMembers,
    options?: RequestOptions,
  ): Promise<QueryModified> {
    if (!Array.isArray(modifications)) {
      const request = this.#nested({ repositoryType, modifications })
      return this.#request('agent_modify_query', request, options)
    }
    const { sessionId } = this
    const request = { sessionId, repositoryType, modifications }
    return this.#request('agent_query_modify', request, options)
  }

  revert(modificationId: string, options?: RequestOptions): Promise<QueryReverted> {
    const { sessionId } = this
    return this.#request('agent_query_revert', { sessionId, modificationId }, options)
  }

  /** The newest modifications, at most `limit` (200), older than the modification `before`. */
  history(
    range: Omit<QueryHistoryRequest, 'sessionId'> = {},
    options?: RequestOptions,
  ): Promise<QueryHistory> {
    const { sessionId } = this
    return this.#request('agent_query_history', { sessionId, ...range }, options)
  }

  approve(changeId: string, options?: RequestOptions): Promise<ChangeDecided> {
    return this.#request('agent_approve_changes', this.#nested({ changeId }), options)
  }

  reject(changeId: string, reason: string, options?: RequestOptions): Promise<ChangeDecided> {
    return this.#request('agent_reject_changes', this.#nested({ changeId, reason }), options)
  }

  /**
   * Goes on with other permissions; where that is refused, the former stay. While the connection is away nothing
   * stays: then it comes back with these.
   */
  async reauthenticate(
    { permissions }: Pick<SessionOptions, 'permissions'>,
    options?: RequestOptions,
  ): Promise<Authenticated> {
    const credentials = { ...this.#link.credentials, permissions: [...permissions] }
    const { sessionId } = this
    const request = { sessionId, payload: credentials }
    if (!this.#link.isOpen) this.#link.credentials = credentials
    const answer = await this.#request('agent_authenticate', request, options)
    this.#link.credentials = credentials
    return answer
  }

  /** Leaves. What waits for an answer rejects with `unavailable`, what was not sent with `not_sent`. */
  close(): void {
    this.#link.close()
  }

  async #request<O extends keyof Operations>(
    operation: O,
    request: Operations[O]['request'],
    { timeoutMs = this.#timeoutMs }: RequestOptions = {},
  ): Promise<Operations[O]['answer']> {
    // The server answers with the types of the same contract.
    const ms = Math.min(timeoutMs, MAX_TIMER_MS)
    return (await this.#requests.make(operation, request, ms)) as Operations[O]['answer']
  }

  #nested<M extends object>(members: M) {
    const { sessionId, businessId } = this
    return { sessionId, payload: { sessionId, businessId, ...members } }
  }

  #opened(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#link.close(unanswered(this.#link.refusal))
      }, this.#timeoutMs)
      const ifInTime =
        <T extends unknown[]>(settle: (...values: T) => void) =>
        (...values: T) => {
          clearTimeout(timer)
          this.#opening = undefined
          settle(...values)
        }
      this.#opening = { resolve: ifInTime(resolve), reject: ifInTime(reject) }
    })
  }

  #ready(): void {
    this.#requests.flush()
    this.#opening?.resolve()
    this.#become({ status: 'ready' })
  }

  #lost(): void {
    this.#requests.disconnected()
    this.#become({ status: 'connecting' })
  }

  #closed(error: AgentError | undefined): void {
    this.#requests.end()
    this.#opening?.reject(error ?? notSent())
    this.#become({ status: 'closed', ...(error && { error }) })
  }

  #become(change: StatusChange): void {
    if (this.#status === change.status) return
    this.#status = change.status
    this.#listeners.emit('status', change)
  }
}
