/**
 * The agent channel's requests and events: names and shapes, no behaviour. The seed's document is the source;
 * what it leaves open is contract 4 to 9. Unknown extra members are ignored here, and refused inside
 * modifications and command parameters.
 */
import { type Static, Type as T, type TSchema } from '@sinclair/typebox'
import type { ErrorCode } from './codes.ts'
import type { CoarsePermission, Permission } from './permissions.ts'
import type { Modification, Query } from './query/query.ts'
import type { Detail } from './refusal.ts'
import type { JsonRecord, RecordChange } from './repository/repository.ts'

export type { CoarsePermission, Detail, ErrorCode, JsonRecord, Modification, Permission, Query }

/** 1 to 256 bytes of text. `maxBytes` also refuses text that has no UTF-8 form. */
const Text256 = T.String({ minLength: 1, maxBytes: 256 })
export const SessionId = T.String({ pattern: '^[A-Za-z0-9._:-]{1,128}$' })
const BusinessId = Text256
/** An id that names something or, if nothing of that name is there, nothing. */
export const Reference = Text256

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
  /** The client's own name for this run of the command: once in the session it runs, however often it is sent. */
  commandId: T.Optional(Reference),
})

/** The nested payload may name session and business, as others do. */
export const CancelRequest = T.Object({
  sessionId: SessionId,
  payload: T.Object({
    sessionId: T.Optional(SessionId),
    businessId: T.Optional(BusinessId),
    commandId: Reference,
  }),
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
export type CancelRequest = Static<typeof CancelRequest>
export type ModifyRequest = Static<typeof ModifyRequest>
export type ApproveRequest = Static<typeof ApproveRequest>
export type RejectRequest = Static<typeof RejectRequest>
export type QueryModifyRequest = Static<typeof QueryModifyRequest>
export type QueryRevertRequest = Static<typeof QueryRevertRequest>
export type QueryHistoryRequest = Static<typeof QueryHistoryRequest>

/** What a join is answered with. */
export interface JoinReply {
  readonly sessionId: string
  readonly businessId: string
  /** Clients should spread their return after a lost connection over so long, in milliseconds. */
  readonly reconnectJitterMs: number
}

interface Success {
  readonly success: true
  readonly operatorId: string
  /** ISO 8601, UTC, milliseconds. */
  readonly timestamp: string
}

/** Carried by every event of the session: 1, 2, 3 … in each epoch (contract 9). */
interface Numbered {
  readonly seq: number
}

export interface Authenticated extends Success, Numbered {
  readonly message: string
  /** Another one means that `seq` started over. */
  readonly epoch: string
  /** Of a request with `lastSeq`: whether the events that follow it are all that were missed. */
  readonly recovered?: boolean
}

export interface CommandResult<Result = unknown> extends Success, Partial<Numbered> {
  readonly message: string
  readonly commandId: string
  readonly command: string
  readonly result: Result
}

/** How far a command is that runs: to the requester alone, not numbered, and not kept. */
export interface CommandProgress extends Success {
  readonly commandId: string
  readonly command: string
  /** 1, 2, 3 …: where the client reads too slowly, some are left out. */
  readonly step: number
  /** What the command says. */
  readonly progress: unknown
}

export interface CommandCancelled extends Success {
  readonly message: string
  readonly commandId: string
  readonly command: string
}

export interface QueryModified extends Success, Numbered {
  readonly message: string
  readonly modifiedQuery: Query
  readonly modificationId: string
  readonly repositoryType: string
}

export interface QueryReverted extends Success, Numbered {
  readonly originalQuery: Query
  readonly modificationId: string
  readonly repositoryType: string
}

/** An entry of the history, as it is kept and as clients see it. */
export interface HistoryEntry {
  readonly originalQuery: Query
  readonly modifications: readonly Modification[]
  readonly modifiedQuery: Query
  readonly modificationId: string
  readonly timestamp: string
  readonly repositoryType: string
  readonly status: 'active' | 'reverted'
  readonly operatorId: string
}

export interface QueryHistory extends Success {
  /** Oldest first. */
  readonly history: readonly HistoryEntry[]
}

export const CHANGE_STATUSES = ['pending', 'approved', 'rejected', 'expired'] as const

/** A change that an agent proposes, as clients see it (contract 8). */
export interface Change extends RecordChange {
  readonly before: JsonRecord | null
  /** The version of the record that it was drafted from; 0 for a create. */
  readonly baseVersion: number
  readonly author: string
  readonly status: (typeof CHANGE_STATUSES)[number]
  readonly createdAt: string
  readonly expiresAt: string
  readonly decidedBy?: string
  readonly decidedAt?: string
  /** Why it was rejected. */
  readonly reason?: string
}

export interface ChangePending extends Numbered {
  readonly success: true
  readonly change: Change
}

export interface ChangeDecided extends Success, Numbered {
  readonly message: string
  readonly changeId: string
  readonly change: Change
}

/** The payload of every error event and error reply (contract 5). */
export interface ErrorPayload {
  readonly success: false
  readonly code: ErrorCode
  readonly message: string
  /** Only of what the client itself sent. */
  readonly details?: readonly Detail[]
}

/**
 * Names the command, where there is one of that name, and its id, where the client has sent one or the command has
 * begun; both not where the request has not the shape of one.
 */
export interface CommandError extends ErrorPayload {
  readonly commandId?: string
  readonly command?: string
}

/** What presence tells of one socket of an operator (contract 4). */
export interface OperatorMeta {
  /** ISO 8601, UTC, milliseconds. */
  readonly online_at: string
  readonly permissions: readonly Permission[]
}

/** One meta for each of the operator's sockets. */
export interface OperatorPresence {
  readonly metas: readonly (OperatorMeta & {
    readonly phx_ref: string
    readonly phx_ref_prev?: string
  })[]
}

/** By operator id. */
export type OperatorPresences = { readonly [operatorId: string]: OperatorPresence }

/** A payload that is typed here and checked by nobody: the server itself has made it. */
const payload = <P>() => T.Unsafe<P>({})

/** What the server sends, by name. */
export const EVENTS = {
  agent_authenticated: payload<Authenticated>(),
  agent_command_result: payload<CommandResult>(),
  agent_command_progress: payload<CommandProgress>(),
  agent_command_cancelled: payload<CommandCancelled>(),
  agent_query_modified: payload<QueryModified>(),
  agent_query_reverted: payload<QueryReverted>(),
  agent_query_history: payload<QueryHistory>(),
  agent_changes_approved: payload<ChangeDecided>(),
  agent_changes_rejected: payload<ChangeDecided>(),
  agent_change_pending: payload<ChangePending>(),
  agent_auth_error: payload<ErrorPayload>(),
  agent_command_error: payload<CommandError>(),
  agent_query_error: payload<ErrorPayload>(),
  agent_approval_error: payload<ErrorPayload>(),
  agent_rejection_error: payload<ErrorPayload>(),
  agent_revert_error: payload<ErrorPayload>(),
  agent_history_error: payload<ErrorPayload>(),
  presence_state: payload<OperatorPresences>(),
  presence_diff: payload<{
    readonly joins: OperatorPresences
    readonly leaves: OperatorPresences
  }>(),
} as const

export type AgentEvent = keyof typeof EVENTS
export type EventPayload<E extends AgentEvent> = Static<(typeof EVENTS)[E]>

/** The events that are numbered and kept, and go to the whole session (contract 9). */
export type SessionEventName =
  | 'agent_command_result'
  | 'agent_query_modified'
  | 'agent_query_reverted'
  | 'agent_changes_approved'
  | 'agent_changes_rejected'
  | 'agent_change_pending'

/** The payload of a numbered event before it has its number. */
export type Unnumbered<E extends SessionEventName> = Omit<EventPayload<E>, 'seq'>

/** Each request's error event. */
export const ERROR_EVENTS = {
  agent_authenticate: 'agent_auth_error',
  agent_execute_command: 'agent_command_error',
  agent_cancel_command: 'agent_command_error',
  agent_modify_query: 'agent_query_error',
  agent_query_modify: 'agent_query_error',
  agent_approve_changes: 'agent_approval_error',
  agent_reject_changes: 'agent_rejection_error',
  agent_query_revert: 'agent_revert_error',
  agent_query_history: 'agent_history_error',
} as const satisfies Record<string, AgentEvent>

export type Operation = keyof typeof ERROR_EVENTS
export type ErrorEvent = (typeof ERROR_EVENTS)[Operation]
