import type {
  Presence,
  PresenceDiff,
  PresenceOptions,
  PresenceOwner,
  Presences,
} from '../../server/presence/presence.ts'
import type { PubSub } from '../../server/pubsub/pubsub.ts'
import { Queue } from '../support/queue.ts'

/** One node: its presence, and where that tells its subscribers. */
export interface PresenceNode<F = Presences> {
  readonly presence: Presence<F>
  readonly pubsub: PubSub
}

/** Starts nodes that know of one another, if there can be more than one. */
export interface PresenceSetup {
  node<F = Presences>(options?: PresenceOptions<F>): Promise<PresenceNode<F>>
  cleanup(): Promise<void>
}

export type Setup = () => PresenceSetup

export const TOPIC = 'room:lobby'
/** A key that plain objects do not take for one. */
export const PROTO = '__proto__'

/** What a presence lasts as long as. */
export class Owner implements PresenceOwner {
  readonly topic: string
  #listeners: (() => void)[] | undefined = []

  constructor(topic = TOPIC) {
    this.topic = topic
  }

  onEnd(listener: () => void): boolean {
    this.#listeners?.push(listener)
    return this.#listeners !== undefined
  }

  end(): void {
    const listeners = this.#listeners ?? []
    this.#listeners = undefined
    for (const listener of listeners) listener()
  }
}

/** The diffs that a node's subscribers of a topic get, from now on. */
export function diffsOf({ pubsub }: PresenceNode<unknown>, topic = TOPIC): Queue<PresenceDiff> {
  const queue = new Queue<PresenceDiff>((diff) => JSON.stringify(diff).slice(0, 200))
  void pubsub.subscribe(topic, ({ event, json }) => {
    if (event !== 'presence_diff') throw new Error(`an event ${event}`)
    queue.push(JSON.parse(json))
  })
  return queue
}

/** The refs of one side of a diff, or of a list, by key. */
export function refsOf(presences: Presences): Record<string, readonly string[]> {
  const refs = Object.entries(presences).map(([key, { metas }]) => [
    key,
    metas.map(({ phx_ref }) => phx_ref).sort(),
  ])
  return Object.fromEntries(refs)
}

/** The new ref; throws where there is none. */
export function ref(tracked: { readonly phxRef: string } | { readonly error: string }): string {
  if ('phxRef' in tracked) return tracked.phxRef
  throw new Error(tracked.error)
}

/** Waits for diff after diff until something is so. */
export async function until(diffs: Queue<PresenceDiff>, isSo: () => boolean): Promise<void> {
  while (!isSo()) await diffs.next()
}

/** The diff that has the key on one of its sides, when it comes. */
export function diffWith(
  diffs: Queue<PresenceDiff>,
  side: 'joins' | 'leaves',
  key: string,
): Promise<PresenceDiff> {
  return diffs.next((diff) => Object.hasOwn(diff[side], key))
}

/** All diffs so far, and those on their way: what is told comes in order. */
export async function settled(
  { presence }: PresenceNode,
  diffs: Queue<PresenceDiff>,
): Promise<readonly PresenceDiff[]> {
  presence.track(new Owner(), 'last', {})
  await diffWith(diffs, 'joins', 'last')
  return diffs.all.slice(0, -1)
}
