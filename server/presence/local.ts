import type { PubSub } from '../pubsub/pubsub.ts'
import type { Presence, PresenceOptions, Presences } from './presence.ts'
import { Tracker } from './tracker.ts'

/** Presence of a node that stands alone. */
export function createLocalPresence<F = Presences>(
  pubsub: PubSub,
  options: PresenceOptions<F> = {},
): Presence<F> {
  return new Tracker(pubsub, options)
}
