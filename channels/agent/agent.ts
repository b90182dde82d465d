import type { Presence } from '../../server/index.ts'
import type { KeyedQueue } from './keyed-queue.ts'
import type { Messages } from './messages.ts'
import type { OperationRate } from './operation-rate.ts'
import type { KnownType } from './repository/repositories.ts'
import type { EventSource } from './shared-reads.ts'
import type { AgentStore, SessionKey } from './store/store.ts'

/** What all agent sessions of this node share. */
export interface Agent {
  readonly store: AgentStore
  /** The store's events, for the feeds of all sockets. */
  readonly events: EventSource
  readonly repositories: ReadonlyMap<string, KnownType>
  readonly messages: Messages
  /** One change of state at a time per session on this node, so that commits seldom lose a race. */
  readonly queue: KeyedQueue
  /** One list of changes at a time per business on this node, so that many hold it no longer than one does. */
  readonly lists: KeyedQueue
  readonly operations: OperationRate
  /** Who is authenticated on each session. */
  readonly presence: Presence
  /** How long a repository may take to apply a change, or to find the record of a draft, in milliseconds. */
  readonly applyMs: number
  /** Whoever drafted a change may not approve it. */
  readonly fourEyes: boolean
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly onError: (error: unknown) => void
  /** Counts requests that are answered `rate_limited`. */
  readonly onRateLimited?: (() => void) | undefined
}

/** Who does it, where. */
export interface Actor {
  readonly session: SessionKey
  readonly operatorId: string
  /** Once it is aborted, nothing is to be committed for it any more. Requests have none. */
  readonly signal?: AbortSignal
}
