/** What a node serves, and what it gives it: the seam between the core and the channels on top of it. */
import type { VerifyToken } from './auth/claims.ts'
import type { UserSocket } from './channel/user-socket.ts'
import type { Rate } from './limits/token-bucket.ts'
import type { Presence } from './presence/presence.ts'
import type { PubSub } from './pubsub/pubsub.ts'
import type { Redis } from './redis/redis.ts'

export interface App {
  readonly socket: UserSocket
  /** Whether it can do its work: `/readyz` asks. */
  ready(): Promise<boolean>
  /** Whether something runs that answers clients later, outside of their handlers. */
  busy(): boolean
  /** Ends what still runs; its clients are answered. */
  cancel(): void
  /** Ends what still runs, flushes and releases. Called once, after the last client has gone. */
  close(): Promise<void>
}

export interface AppOptions {
  /** Where state lives on this machine. */
  readonly dataDir: string
  /** Language of the `message` fields. */
  readonly locale: 'ro' | 'en'
  /** Absent in open mode: clients are who they say they are. */
  readonly verifyToken?: VerifyToken
  /** Who created a change may not approve it. */
  readonly fourEyes?: boolean
  /** Paths of ES modules. */
  readonly commands?: string
  readonly repositories?: string
  readonly presence: Presence
  /** Messages between this node and the others that it shares Redis with. */
  readonly pubsub: PubSub
  /** Where the state of all nodes lives; without it, in `dataDir`. */
  readonly redis?: { readonly redis: Redis; readonly prefix: string }
  /** What one operator may ask of this node; absent: as much as it likes. */
  readonly operationsPerOperator?: Rate
  /** Counts each request that is refused because there were too many. */
  readonly onRateLimited?: () => void
  /** Hears of failures that no client is told more of than a code. */
  readonly onError: (error: unknown) => void
}
