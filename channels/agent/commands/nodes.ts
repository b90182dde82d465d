import { type AppOptions, Broadcast, type Presence } from '../../../server/index.ts'
import type { Actor } from '../agent.ts'
import { randomId } from '../ids.ts'

/** Under which each node is present as long as it lives. No session has this topic. */
const NODES = 'agent-nodes'
/** Where cancellations go, to every node. */
const CANCELS = 'agent-cancels'

type PubSub = AppOptions['pubsub']

/** A command that is to be cancelled, by whose it is. */
export interface Cancellation extends Actor {
  readonly commandId: string
}

/** This node among those that run commands: who of them lives, and what they are asked to cancel. */
export class Nodes {
  /** No other node's, nor this one's after a restart. */
  readonly id = randomId('node')
  readonly #presence: Presence
  readonly #pubsub: PubSub

  constructor(presence: Presence, pubsub: PubSub) {
    this.#presence = presence
    this.#pubsub = pubsub
    // It lasts as long as presence itself.
    presence.track({ topic: NODES, onEnd: () => true }, this.id, {})
  }

  /** Whether a node lives, as far as is known here: one that was killed does for some more seconds. */
  isAlive(id: string): boolean {
    return 'metas' in this.#presence.getByKey(NODES, id)
  }

  /** Asks all others. */
  askToCancel(cancellation: Cancellation): void {
    this.#pubsub.publish(new Broadcast(CANCELS, 'cancel', cancellation))
  }

  /** `cancel` is called with what is asked for, here too. */
  onCancel(cancel: (cancellation: Cancellation) => unknown): void {
    // Only nodes publish there: who else can may speak for any of them.
    void this.#pubsub.subscribe(CANCELS, (broadcast) => {
      cancel(broadcast.copyPayload() as Cancellation)
    })
  }
}
