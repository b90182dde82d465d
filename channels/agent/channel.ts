/** The channel `agent:*`: operators working with AI agents, each session apart by (businessId, sessionId). */
import type { Static, TObject } from '@sinclair/typebox'
import {
  type Channel,
  type Claims,
  compileSchema,
  defineChannel,
  error,
  ok,
} from '../../server/index.ts'
import type { Agent } from './agent.ts'
import { type AgentSocket, Client } from './client.ts'
import type { CommandRegistry } from './commands/registry.ts'
import type { RunningCommands } from './commands/run.ts'
import {
  AuthenticateRequest,
  ERROR_EVENTS,
  EVENTS,
  JoinParams,
  type JoinReply,
  type Operation as OperationName,
  SessionId,
} from './contract.ts'
import { authenticate } from './operations/authenticate.ts'
import { cancel } from './operations/cancel.ts'
import { approve, reject } from './operations/decide.ts'
import { execute } from './operations/execute.ts'
import { history } from './operations/history.ts'
import { modify, queryModify } from './operations/modify.ts'
import { handle, type Operation } from './operations/operation.ts'
import { revert } from './operations/revert.ts'
import { type Detail, refusal } from './refusal.ts'

/** Clients should spread their return after a lost connection over so long. */
const RECONNECT_JITTER_MS = 5_000

const checkSessionId = compileSchema(SessionId)

export function createAgentChannel(
  agent: Agent,
  commands: CommandRegistry,
  running: RunningCommands,
): Channel {
  const executeCommand = execute(commands, running)
  const cancelCommand = cancel(running)
  const by =
    <S extends TObject>(operation: Operation<S>) =>
    (socket: { readonly assigns: { readonly client: Client } }, payload: Static<S>) =>
      handle(agent, socket.assigns.client, operation, payload)

  const refuseJoin = (code: 'invalid_payload' | 'permission_denied', details?: readonly Detail[]) =>
    error(agent.messages.error(refusal(code, details)))

  return defineChannel('agent:*', {
    params: JoinParams,
    in: {
      agent_authenticate: { payload: AuthenticateRequest },
      agent_execute_command: { payload: executeCommand.schema },
      agent_cancel_command: { payload: cancelCommand.schema },
      agent_modify_query: { payload: modify.schema },
      agent_approve_changes: { payload: approve.schema },
      agent_reject_changes: { payload: reject.schema },
      agent_query_modify: { payload: queryModify.schema },
      agent_query_revert: { payload: revert.schema },
      agent_query_history: { payload: history.schema },
    },
    out: EVENTS,
    assigns: {} as { readonly claims?: Claims },
    // Joining gives nothing: the session's events come only after `agent_authenticate`, of this business.
    autoSubscribe: false,
    join(socket, { businessId }) {
      const sessionId = socket.subtopic
      const problem = checkSessionId(sessionId)
      if (problem)
        return refuseJoin('invalid_payload', [
          { path: '', problem: 'session id in the topic is malformed' },
        ])
      const { claims } = socket.assigns
      if (claims && claims.businessId !== businessId) return refuseJoin('permission_denied')
      const client = new Client(agent, socket as AgentSocket, { businessId, sessionId })
      const reply: JoinReply = { sessionId, businessId, reconnectJitterMs: RECONNECT_JITTER_MS }
      return ok(reply, { client })
    },
    handleIn: {
      agent_authenticate: (socket, payload) => authenticate(agent, socket.assigns.client, payload),
      agent_execute_command: by(executeCommand),
      agent_cancel_command: by(cancelCommand),
      agent_modify_query: by(modify),
      agent_approve_changes: by(approve),
      agent_reject_changes: by(reject),
      agent_query_modify: by(queryModify),
      agent_query_revert: by(revert),
      agent_query_history: by(history),
    },
    handleInvalid({ assigns }, { event, problem }) {
      const { client } = assigns
      if (!client) return refuseJoin('invalid_payload', [problem])
      const errorEvent = ERROR_EVENTS[event as OperationName]
      client.fail(client.returnAddress(), errorEvent, refusal('invalid_payload', [problem]))
      return undefined
    },
    handleInfo(_socket, message) {
      throw message
    },
    catchAll({ assigns: { client } }) {
      client.fail(client.returnAddress(), 'agent_command_error', refusal('invalid_payload'))
    },
  })
}
