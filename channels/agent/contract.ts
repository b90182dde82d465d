/**
 * The agent channel's requests and events: names and shapes, no behaviour. The seed's document is the source;
 * what it leaves open is contract 4 to 9. Unknown extra members are ignored here, and refused inside
 * modifications and command parameters.
 */
import { type Static, Type as T, type TSchema } from '@sinclair/typebox'

/** 1 to 256 bytes of text. `maxBytes` also refuses text that has no UTF-8 form. */
const Text256 = T.String({ minLength: 1, maxBytes: 256 })
export const SessionId = T.String({ pattern: '^[A-Za-z0-9._:-]{1,128}$' })
const BusinessId = Text256
/** An id that names something or, if nothing of that name is there, nothing. */
const Reference = T.String({ minLength: 1, maxBytes: 256 })

/** Every operation's payload names the session; most carry the rest in a nested payload that names it again. */
const nested = <P extends Record<string, TSchema>>(members: P) =>
  T.Object({
    sessionId: SessionId,
    payload: T.Object({ sessionId: SessionId, businessId: BusinessId, ...members }),
  })

export const JoinParams = T.Object({ businessId: BusinessId })

export const AuthenticateRequest = nested({
  operatorId: Text256,
  permissions: T.Array(T.String({ maxLength: 64 }), { maxItems: 32 }),
  lastSeq: T.Optional(T.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  epoch: T.Optional(T.String({ minLength: 1, maxLength: 64 })),
})

export const ExecuteRequest = nested({
  command: T.String({ minLength: 1, maxLength: 128 }),
  parameters: T.Optional(T.Record(T.String(), T.Unknown())),
})

export const ModifyRequest = nested({
  repositoryType: Reference,
  modifications: T.Unknown(),
})

export const ApproveRequest = nested({ changeId: Reference })

export const RejectRequest = nested({
  changeId: Reference,
  reason: T.String({ minLength: 1, maxLength: 2_000 }),
})

export const QueryModifyRequest = T.Object({
  sessionId: SessionId,
  repositoryType: Reference,
  modifications: T.Unknown(),
})

export const QueryRevertRequest = T.Object({
  sessionId: SessionId,
  modificationId: Reference,
})

export const QueryHistoryRequest = T.Object({
  sessionId: SessionId,
  limit: T.Optional(T.Integer({ minimum: 1, maximum: 200 })),
  before: T.Optional(Reference),
})

export type AuthenticateRequest = Static<typeof AuthenticateRequest>
export type ExecuteRequest = Static<typeof ExecuteRequest>
export type ModifyRequest = Static<typeof ModifyRequest>
export type ApproveRequest = Static<typeof ApproveRequest>
export type RejectRequest = Static<typeof RejectRequest>
export type QueryModifyRequest = Static<typeof QueryModifyRequest>
export type QueryRevertRequest = Static<typeof QueryRevertRequest>
export type QueryHistoryRequest = Static<typeof QueryHistoryRequest>

/** What the server sends, by name. */
export const EVENTS = {
  agent_authenticated: T.Any(),
  agent_command_result: T.Any(),
  agent_query_modified: T.Any(),
  agent_query_reverted: T.Any(),
  agent_query_history: T.Any(),
  agent_changes_approved: T.Any(),
  agent_changes_rejected: T.Any(),
  agent_change_pending: T.Any(),
  agent_auth_error: T.Any(),
  agent_command_error: T.Any(),
  agent_query_error: T.Any(),
  agent_approval_error: T.Any(),
  agent_rejection_error: T.Any(),
  agent_revert_error: T.Any(),
  agent_history_error: T.Any(),
  presence_state: T.Any(),
  presence_diff: T.Any(),
} as const

export type AgentEvent = keyof typeof EVENTS

/** Each request's error event. */
export const ERROR_EVENTS = {
  agent_authenticate: 'agent_auth_error',
  agent_execute_command: 'agent_command_error',
  agent_modify_query: 'agent_query_error',
  agent_query_modify: 'agent_query_error',
  agent_approve_changes: 'agent_approval_error',
  agent_reject_changes: 'agent_rejection_error',
  agent_query_revert: 'agent_revert_error',
  agent_query_history: 'agent_history_error',
} as const satisfies Record<string, AgentEvent>

export type Operation = keyof typeof ERROR_EVENTS
