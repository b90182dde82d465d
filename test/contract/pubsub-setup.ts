import { Broadcast } from '../../server/protocol/broadcast.ts'
import type { PubSub, Subscriber } from '../../server/pubsub/pubsub.ts'
import { Queue } from '../support/queue.ts'

export interface Arrival {
  readonly event: string
  readonly payload: unknown
  readonly from: unknown
}

/** A subscriber that keeps what comes. */
export interface Listener {
  readonly arrivals: Queue<Arrival>
  readonly hear: Subscriber
}

export function listener(): Listener {
  const arrivals = new Queue<Arrival>((arrival) => JSON.stringify(arrival))
  return {
    arrivals,
    hear: (broadcast, from) =>
      arrivals.push({ event: broadcast.event, payload: broadcast.copyPayload(), from }),
  }
}

export const TOPIC = 'room:a'
/** A topic is any text: no pattern, no path, no name of anything else. */
export const ODD_TOPICS = [
  '',
  '*',
  'room:*',
  'room:?',
  '[a-z]',
  '__proto__',
  'constructor',
  ' a ',
  'a\nb\r\n',
  'a\u0000b',
  'café ☕ 𝄞',
  '{a}b',
  'x'.repeat(10_000),
]

/** A listener on a topic of one node, where messages flow. */
export async function listening(node: PubSub, topic = TOPIC): Promise<Listener> {
  const made = listener()
  await node.subscribe(topic, made.hear)
  return made
}

export const publish = (node: PubSub, payload: unknown, topic = TOPIC, event = 'event') =>
  node.publish(new Broadcast(topic, event, payload))

/** Publishes, and resolves with what is said of that. */
export const sent = (node: PubSub, local = false) =>
  new Promise<boolean>((onSent) => {
    node.publish(new Broadcast(TOPIC, 'event', {}), { local, onSent })
  })

export const payloads = (arrivals: readonly Arrival[]) => arrivals.map(({ payload }) => payload)
