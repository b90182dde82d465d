import type { EndpointHandle } from '../channel/types.ts'
import type { CloseReason } from '../protocol/close.ts'
import type { Codec } from '../protocol/codec.ts'
import type { PubSub } from '../pubsub/pubsub.ts'
import type { Telemetry } from '../telemetry.ts'
import type { Connection } from './connection.ts'
import type { Fanout } from './fanout.ts'
import type { MailboxLimit } from './mailbox.ts'

/** What the channels of all connections share. */
export interface Shared {
  readonly fanout: Fanout
  readonly pubsub: PubSub
  readonly endpoint: EndpointHandle
  readonly telemetry: Telemetry
  /** Of each joined topic, and of the frames that wait for a join. */
  readonly mailbox: MailboxLimit
  /** How many `terminate` still run: a drain waits for them. */
  readonly endings: { running: number }
}

/** What a joined channel needs of the connection it belongs to. */
export interface Owner {
  readonly shared: Shared
  readonly connection: Connection
  readonly codec: Codec
  readonly id: string | null
  /** Whether the time is over for which the connection was let in. */
  readonly expired: boolean
  /** The channel takes no more messages: its topic may be joined again. */
  ended(topic: string, channel: object): void
  /** Its mailbox is full. */
  overflowed(): void
  /** Ends the connection. */
  close(reason: CloseReason): void
}
