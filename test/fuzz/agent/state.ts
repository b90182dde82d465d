/** What there is in the model: who, and what is kept of their sessions. */
import type { Query } from '../../../channels/agent/query/query.ts'

export type Json = Readonly<Record<string, unknown>>

/** An answer without what is random or a time: ids of the server are `mod0`, `chg1` … as they were made. */
export interface Answer {
  readonly status: 'ok' | 'error'
  readonly response: Json
}

export const REPOSITORY = 'customers'
/** How long events are kept, and changes pending. */
export const HOURS_KEPT = 24

export interface Change {
  readonly shown: Json
  readonly version: number
  readonly expiresAt: number
  status: 'pending' | 'approved' | 'rejected' | 'expired'
}

export interface Entry {
  readonly shown: Json
  readonly originalQuery: Query
  status: 'active' | 'reverted'
}

export interface Business {
  readonly records: Map<string, { readonly record: Json; readonly version: number }>
  versions: number
}

export interface Numbered {
  readonly event: string
  readonly payload: Json
  readonly at: number
}

export interface Session {
  readonly business: Business
  readonly events: Numbered[]
  readonly entries: Entry[]
  readonly changes: Change[]
  query: Query
}

export interface Slot {
  readonly session: Session
  readonly operatorId: string
  permissions: ReadonlySet<string>
  isJoined: boolean
  isAuthenticated: boolean
  /** The session's events that the client gets on this connection. */
  received: Numbered[]
}

export const FINE: Readonly<Record<string, readonly string[]>> = {
  agent_access: ['session.open', 'command.execute'],
  data_query: ['query.modify', 'query.revert', 'query.history', 'record.read'],
  draft_creation: ['change.create', 'change.approve', 'change.reject'],
}

export const NEW_QUERY: Query = {
  repository: REPOSITORY,
  filters: {},
  fields: [],
  sort: {},
  limit: 100,
  offset: 0,
}

/** Who there is: two sockets of one operator, a colleague in another session, and a stranger's business. */
export const SLOTS = [
  { business: 0, sessionId: 's0', operatorId: 'ann' },
  { business: 0, sessionId: 's0', operatorId: 'ann' },
  { business: 0, sessionId: 's1', operatorId: 'bob' },
  { business: 1, sessionId: 's0', operatorId: 'eve' },
] as const

export interface Draft {
  readonly repositoryType: string
  readonly operation: 'create' | 'update' | 'delete'
  readonly recordId: string
  readonly data?: Json
}
