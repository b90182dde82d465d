import { Broadcast } from '../protocol/broadcast.ts'
import type { PubSub } from '../pubsub/pubsub.ts'
import type { Telemetry } from '../telemetry.ts'
import type { Lanes } from './connection.ts'
import { Fanout } from './fanout.ts'
import type { MailboxLimit } from './mailbox.ts'
import type { Shared } from './owner.ts'

/** What holds where nothing is said. */
export const LIMITS = {
  maxChannels: 100,
  mailbox: { items: 10_000, bytes: 16 * 1024 * 1024 },
} as const

/** What the channels of one node share, whatever its connections are made of. */
export function createShared(
  pubsub: PubSub,
  lanes: Lanes,
  telemetry: Telemetry,
  mailbox: MailboxLimit = LIMITS.mailbox,
): Shared {
  const fanout = new Fanout(pubsub, lanes, telemetry)
  const broadcast = (topic: string, event: string, payload: unknown) =>
    fanout.broadcast(new Broadcast(topic, event, payload))
  return { fanout, pubsub, endpoint: { broadcast }, telemetry, mailbox, endings: { running: 0 } }
}
