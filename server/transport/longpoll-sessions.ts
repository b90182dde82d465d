import type { Codec } from '../protocol/codec.ts'
import { type Session, Socket, type SocketContext } from '../socket/socket.ts'
import type { Connections } from './connections.ts'
import type { SharedLanes } from './lanes.ts'
import { readMessages } from './longpoll-body.ts'
import { LongPollConnection, type SessionOptions } from './longpoll-connection.ts'
import { type Ask, answer, type Done, type Pending } from './longpoll-outcome.ts'
import { newSessionName, Tokens } from './longpoll-token.ts'

/** A client that is let in. */
export interface Opening {
  readonly context: SocketContext
  readonly options: SessionOptions
  readonly codec: Codec
  readonly session: Session
  /** Called once, when the session has ended. */
  readonly onEnd: () => void
}

/** The sessions that live in this process. */
export class LongPollSessions {
  readonly #tokens: Tokens
  readonly #lanes: SharedLanes
  readonly #connections: Connections
  readonly #sessions = new Map<string, LongPollConnection>()

  constructor(node: string, lanes: SharedLanes, connections: Connections) {
    this.#tokens = new Tokens(node)
    this.#lanes = lanes
    this.#connections = connections
  }

  /** Begins a session and returns its token. Throws what a pub/sub throws that is not as it must be. */
  open({ context, options, codec, session, onEnd }: Opening): string {
    const name = newSessionName()
    const { telemetry } = context
    const connection = new LongPollConnection(options, this.#lanes, telemetry, (code) => {
      this.#sessions.delete(name)
      this.#connections.delete(connection)
      telemetry.disconnected.publish({ transport: 'longpoll', code })
      onEnd()
    })
    connection.socket = new Socket(context, connection, codec, session)
    this.#sessions.set(name, connection)
    this.#connections.add(connection)
    return this.#tokens.sign(name)
  }

  /** Ends a session of which messages were lost: whatever followed would hide the hole. */
  lose(token: string): void {
    const name = this.#tokens.verify(token)
    if (name !== undefined) this.#sessions.get(name)?.lose('lost_poll')
  }

  /** Undefined: it is answered. */
  ask(ask: Ask, done: Done): Pending | undefined {
    const name = this.#tokens.verify(ask.token)
    const session = name === undefined ? undefined : this.#sessions.get(name)
    if (!session) {
      done({ kind: name === undefined ? 'none' : 'gone' })
      return undefined
    }
    if (ask.kind === 'poll') return session.poll(done)
    if (ask.kind === 'find') {
      done(answer(200))
      return undefined
    }
    const messages = readMessages(ask.body, ask.asLines)
    if (messages) return session.post(messages, done)
    done(answer(400))
    return undefined
  }
}
