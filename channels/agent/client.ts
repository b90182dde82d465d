/** One joined socket as the operations see it: who it is, and how it is answered (contract 5). */
import type { Claims, Socket, SocketRef } from '../../server/index.ts'
import type { Agent } from './agent.ts'
import { Attendance, type Identity } from './attendance.ts'
import type { AgentEvent, CommandError, ErrorEvent, EVENTS, EventPayload } from './contract.ts'
import { Feed, type Reader } from './feed.ts'
import { ProgressOutlet } from './progress.ts'
import type { Refusal } from './refusal.ts'
import type { SessionKey } from './store/store.ts'

export interface Assigns {
  /** What a verified token says of the operator; absent in open mode. */
  readonly claims?: Claims
  readonly client: Client
}

/** The channel's socket, from its join on. */
export type AgentSocket = Socket<`agent:${string}`, Partial<Assigns>, typeof EVENTS>

/** Where an answer goes: kept while its request is worked on. */
export interface Return {
  readonly ref: SocketRef | undefined
}

/** Which command an error is about, as far as that is known. */
export type About = Pick<CommandError, 'commandId' | 'command'>

export class Client {
  readonly session: SessionKey
  readonly #agent: Agent
  readonly #socket: AgentSocket
  #identity: Identity | undefined
  readonly #attendance: Attendance
  #feed: Feed | undefined
  /** What is to be told of the socket's end. */
  #leaving: Set<() => void> | undefined
  #isGone = false
  /** The way of its commands to say how far they are. */
  readonly progress: ProgressOutlet

  constructor(agent: Agent, socket: AgentSocket, session: SessionKey) {
    this.#agent = agent
    this.#socket = socket
    this.session = session
    this.#attendance = new Attendance(agent.presence, socket, session)
    this.progress = new ProgressOutlet(socket)
  }

  get claims(): Claims | undefined {
    return this.#socket.assigns.claims
  }

  /** Whether its token has expired. */
  get expired(): boolean {
    return this.#socket.expired
  }

  get identity(): Identity | undefined {
    return this.#identity
  }

  /** The way back of the request being handled: none where it has no ref. */
  returnAddress(): Return {
    return { ref: this.#socket.ref === null ? undefined : this.#socket.socketRef() }
  }

  /** The reply alone; its event comes through the feed. */
  reply(to: Return, payload: object): void {
    to.ref?.reply('ok', payload)
  }

  /** The reply, and the event to this socket alone. */
  succeed<E extends AgentEvent>(to: Return, event: E, payload: EventPayload<E>): void {
    to.ref?.reply('ok', payload)
    this.#socket.push(event, payload)
  }

  /** What answers when its handler is done: a node that shuts down lets it. */
  waitUntil(work: Promise<void>): void {
    this.#socket.waitUntil(work)
  }

  /** Calls `gone` where the socket ends before `work` is done, or has ended already. */
  async whilePresent(work: Promise<void>, gone: () => void): Promise<void> {
    this.#leaving ??= this.#hearEnd()
    if (this.#isGone) gone()
    this.#leaving.add(gone)
    await work
    this.#leaving.delete(gone)
  }

  #hearEnd(): Set<() => void> {
    const leaving = new Set<() => void>()
    const ended = () => {
      this.#isGone = true
      for (const gone of leaving) gone()
    }
    if (!this.#socket.onEnd(ended)) ended()
    return leaving
  }

  /**
   * The error reply, and the error event. `about` names the command where there is one. Whose session has
   * expired is sent away, to come back with a new token.
   */
  fail(to: Return, event: ErrorEvent, refused: Refusal, about: About = {}): void {
    const payload = { ...this.#agent.messages.error(refused), ...about }
    to.ref?.reply('error', payload)
    this.#socket.push(event, payload)
    if (refused.code === 'rate_limited') this.#agent.onRateLimited?.()
    if (refused.code === 'session_expired') this.#socket.expire()
  }

  /** The socket's way through the session's events; it sends none before it is started. */
  get feed(): Feed {
    this.#feed ??= this.#listen()
    return this.#feed
  }

  #listen(): Feed {
    const { events, onError } = this.#agent
    const socket = this.#socket
    const feed = new Feed(events, this.session, readerOf(socket), onError)
    if (!this.#socket.onEnd(() => feed.stop())) feed.stop()
    return feed
  }

  /** From here on the socket is somebody. */
  authenticated(identity: Identity): void {
    this.#identity = identity
  }

  /** Shows itself to the session, as who it is by now. */
  attend(): void {
    if (!this.#identity) return
    this.#attendance.attend(this.#identity, new Date(this.#agent.now()).toISOString())
  }

  /** Runs a task whose events must follow what it answers. */
  answerFirst(task: () => Promise<void>): Promise<void> {
    return this.feed.after(task)
  }
}

/** What a lost session ends with: `handleInfo` throws it, the topic crashes, and the client joins anew. */
class SessionLost extends Error {
  override readonly name = 'SessionLost'
}

const readerOf = (socket: AgentSocket): Reader => ({
  topic: socket.topic,
  deliver: (broadcast) => socket.deliver(broadcast),
  onceDrained: (listener) => socket.onceDrained(listener),
  lost: () => socket.sendInfo(new SessionLost('events of the session are lost: begin anew')),
})
