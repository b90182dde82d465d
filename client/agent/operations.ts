import type {
  ApproveRequest,
  Authenticated,
  AuthenticateRequest,
  CancelRequest,
  ChangeDecided,
  CommandCancelled,
  CommandResult,
  ExecuteRequest,
  ModifyRequest,
  QueryHistory,
  QueryHistoryRequest,
  QueryModified,
  QueryModifyRequest,
  QueryReverted,
  QueryRevertRequest,
  RejectRequest,
} from '../../channels/agent/contract.ts'

interface Exchange<Request, Answer> {
  readonly request: Request
  readonly answer: Answer
}

/** Each request: what it takes, and what answers it where it succeeds. */
export interface Operations {
  readonly agent_authenticate: Exchange<AuthenticateRequest, Authenticated>
  readonly agent_execute_command: Exchange<ExecuteRequest, CommandResult>
  readonly agent_cancel_command: Exchange<CancelRequest, CommandCancelled>
  readonly agent_modify_query: Exchange<ModifyRequest, QueryModified>
  readonly agent_query_modify: Exchange<QueryModifyRequest, QueryModified>
  readonly agent_approve_changes: Exchange<ApproveRequest, ChangeDecided>
  readonly agent_reject_changes: Exchange<RejectRequest, ChangeDecided>
  readonly agent_query_revert: Exchange<QueryRevertRequest, QueryReverted>
  readonly agent_query_history: Exchange<QueryHistoryRequest, QueryHistory>
}
