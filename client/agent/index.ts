/** A typed client of the agent channel, over the official `phoenix` client; for browsers and Node. */
export type {
  Authenticated,
  Change,
  ChangeDecided,
  ChangePending,
  CoarsePermission,
  CommandCancelled,
  CommandError,
  CommandProgress,
  CommandResult,
  Detail,
  ErrorCode,
  ErrorPayload,
  HistoryEntry,
  Modification,
  Permission,
  Query,
  QueryHistory,
  QueryModified,
  QueryReverted,
} from '../../channels/agent/contract.ts'
export type { Position } from './cursor.ts'
export { AgentError, type AgentErrorCode } from './errors.ts'
export type { Unsubscribe } from './listeners.ts'
export {
  AgentSession,
  type ExecuteOptions,
  type Operator,
  type QueryMembers,
  type RequestOptions,
  type SessionEvents,
  type SessionOptions,
  type StatusChange,
} from './session.ts'
export { spreadReconnects } from './spread.ts'
