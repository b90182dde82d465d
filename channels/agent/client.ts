/** One joined socket as the operations see it: who it is, and how it is answered (contract 5). */
import type { Socket, SocketRef } from '../../server/index.ts'
import type { Agent } from './agent.ts'
import type { AgentEvent, EVENTS } from './contract.ts'
import { Feed } from './feed.ts'
import type { Permission } from './permissions.ts'
import type { Refusal } from './refusal.ts'
import type { SessionKey } from './store/store.ts'

/** What a verified token says of the operator; absent in open mode. */
export interface Claims {
  readonly businessId: string
  readonly operatorId: string
  readonly permissions: readonly string[]
}

/** Who a socket is since its last successful `agent_authenticate`. */
export interface Identity {
  readonly operatorId: string
  readonly permissions: ReadonlySet<Permission>
}

export interface Assigns {
  readonly claims?: Claims
  readonly client: Client
}

export type AgentSocket = Socket<`agent:${string}`, Assigns, typeof EVENTS>
/** The same socket while it joins. */
export type JoiningSocket = Socket<`agent:${string}`, Partial<Assigns>, typeof EVENTS>

/** Where an answer goes: kept while its request is worked on. */
export interface Return {
  readonly ref: SocketRef | undefined
}

export class Client {
  readonly session: SessionKey
  readonly #agent: Agent
  readonly #socket: JoiningSocket
  #identity: Identity | undefined
  #feed: Feed | undefined
  /** Commands of this socket that run. */
  running = 0

  constructor(agent: Agent, socket: JoiningSocket, session: SessionKey) {
    this.#agent = agent
    this.#socket = socket
    this.session = session
  }

  get claims(): Claims | undefined {
    return this.#socket.assigns.claims
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
  succeed(to: Return, event: AgentEvent, payload: object): void {
    to.ref?.reply('ok', payload)
    this.#socket.push(event, payload)
  }

  /** The error reply, and the error event. `about` names the command where there is one. */
  fail(to: Return, event: AgentEvent, refused: Refusal, about: object = {}): void {
    const payload = { ...this.#agent.messages.error(refused), ...about }
    to.ref?.reply('error', payload)
    this.#socket.push(event, payload)
  }

  /** The socket's way through the session's events; it sends none before it is started. */
  get feed(): Feed {
    this.#feed ??= this.#listen()
    return this.#feed
  }

  #listen(): Feed {
    const { store, onError } = this.#agent
    const feed = new Feed(store, this.session, this.#socket, onError)
    if (!this.#socket.onEnd(() => feed.stop())) feed.stop()
    return feed
  }

  /** From here on the socket is somebody. */
  authenticated(identity: Identity): void {
    this.#identity = identity
  }

  /** Runs a task whose events must follow what it answers. */
  answerFirst(task: () => Promise<void>): Promise<void> {
    return this.feed.after(task)
  }
}
