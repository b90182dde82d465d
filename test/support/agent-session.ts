import type { Socket, SocketConnectOption } from 'phoenix'
import {
  AgentError,
  AgentSession,
  type SessionEvents,
  type SessionOptions,
} from '../../client/agent/index.ts'
import { WHO } from './agent-client.ts'
import { openSocket } from './phoenix-client.ts'
import { Queue } from './queue.ts'
import { rejection } from './rejection.ts'

/** How long a session may take for what it does by itself, on a busy machine. */
const PATIENCE_MS = 20_000

let sessions = 0

/** An operator's own: no other test has the session. */
export function sessionOptions(own: Partial<SessionOptions> = {}): SessionOptions {
  sessions += 1
  const { businessId, operatorId } = WHO
  const permissions = ['agent_access', 'data_query', 'draft_creation'] as const
  return { sessionId: `client-${sessions}`, businessId, operatorId, permissions, ...own }
}

/** A session over a connection of its own to a server at `url`. */
export async function openSession(
  url: string,
  own: Partial<SessionOptions> = {},
  socketOptions: Partial<SocketConnectOption> = {},
): Promise<{ readonly session: AgentSession; readonly socket: Socket }> {
  const socket = await openSocket(`${url}/socket`, socketOptions)
  return { socket, session: await AgentSession.open(socket, sessionOptions(own)) }
}

/** What a session tells under one name, from now on. */
export interface Heard<P> {
  /** Everything so far, oldest first. */
  readonly all: readonly P[]
  /** The first not handed out yet (that matches), now or to come. */
  next(matches?: (payload: P) => boolean): Promise<P>
}

export function listen<E extends keyof SessionEvents>(
  session: AgentSession,
  event: E,
): Heard<SessionEvents[E]> {
  const queue = new Queue<SessionEvents[E]>((payload) => JSON.stringify(payload))
  session.on(event, (payload) => queue.push(payload))
  return { all: queue.all, next: (matches) => queue.next(matches, PATIENCE_MS) }
}

/** The error that a promise of a session rejects with; throws where that is none of its kind. */
export async function agentError(promise: Promise<unknown>): Promise<AgentError> {
  const error = await rejection(promise)
  if (error instanceof AgentError) return error
  throw new Error('not an AgentError', { cause: error })
}
