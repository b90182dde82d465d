import type { ErrorCode } from '../../../channels/agent/codes.ts'
import type { AgentEvent, Operation } from '../../../channels/agent/contract.ts'
import { type AgentClient, nested, type Payload, type Who } from '../../support/agent-client.ts'
import type { AgentServer } from '../../support/agent-server.ts'

/** Where a scenario plays: a server of its own, and the client under test. */
export interface Stage {
  readonly server: AgentServer
  readonly agent: AgentClient
  /** Moves the server's clock. */
  advance(ms: number): void
}

/** One request and its answer, to be run through every client. */
export interface Scenario {
  readonly title: string
  readonly operation: Operation
  /** The event that carries the answer. */
  readonly event: AgentEvent
  /** Who asks; `nobody`: a client that is not authenticated. */
  readonly as?: Partial<Who> | 'nobody'
  /** Makes the request's payload, and before it whatever must be there. */
  payload(stage: Stage): object | Promise<object>
  /** What has to happen, once the request is sent, for its answer to come. */
  meanwhile?(stage: Stage): unknown
}

export interface Success extends Scenario {
  /** Which sentence it says; the seed has none for a revert and for the history. */
  readonly says?: 'authenticated' | 'executed' | 'cancelled' | 'modified' | 'approved' | 'rejected'
  /** All members but `success`, `message`, `operatorId` and `timestamp`. */
  answer(got: Payload): object
}

export interface Failure extends Scenario {
  readonly code: ErrorCode
  /** The paths of the details; absent: there are none. */
  readonly details?: readonly string[]
  /** The command that had begun when it failed. */
  readonly command?: string
  /** Which command it was, where none had. */
  readonly about?: About | undefined
}

interface About {
  readonly commandId?: string
  readonly command?: string
}

/** The command that a valid payload is about. */
export const ABOUT: { readonly [O in Operation]?: About } = {
  agent_execute_command: { command: 'list_commands' },
  agent_cancel_command: { commandId: 'cmd_1' },
}

/** For each operation, a payload that has nothing wrong with it; the ids in it name nothing. */
export const VALID: { readonly [O in Operation]: (who: Who) => Payload } = {
  agent_authenticate: (who) => {
    const { operatorId, permissions } = who
    return { ...nested(who, { operatorId, permissions }) }
  },
  agent_execute_command: (who) => ({
    ...nested(who, { command: 'list_commands', parameters: {} }),
  }),
  agent_cancel_command: ({ sessionId }) => ({ sessionId, payload: { commandId: 'cmd_1' } }),
  agent_modify_query: (who) => ({
    ...nested(who, { repositoryType: 'appointments', modifications: { limit: 5 } }),
  }),
  agent_approve_changes: (who) => ({ ...nested(who, { changeId: 'chg_1' }) }),
  agent_reject_changes: (who) => ({ ...nested(who, { changeId: 'chg_1', reason: 'no' }) }),
  agent_query_modify: ({ sessionId }) => ({
    sessionId,
    repositoryType: 'appointments',
    modifications: [{ field: 'limit', operation: 'modify', value: 5 }],
  }),
  agent_query_revert: ({ sessionId }) => ({ sessionId, modificationId: 'mod_1234567890_abc123' }),
  agent_query_history: ({ sessionId }) => ({ sessionId }),
}
