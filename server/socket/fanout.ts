/**
 * This node's subscribers of each topic, and the encode-once delivery to them (Phoenix's fastlane).
 *
 * Subscribers that see the same bytes share a lane: same serializer, same wire topic, same intercepted
 * events. A broadcast is encoded once per lane's serializer and handed to the transport as one publish.
 */
import type { Broadcast } from '../protocol/broadcast.ts'
import type { Codec } from '../protocol/codec.ts'
import { EncodeError, type Frame } from '../protocol/message.ts'
import type { PubSub } from '../pubsub/pubsub.ts'
import type { Telemetry } from '../telemetry.ts'
import type { Connection, Lanes } from './connection.ts'

/** A joined channel as fan-out sees it. */
export interface Member {
  readonly connection: Connection
  /** Takes a broadcast whose event it intercepts. */
  intercept(broadcast: Broadcast): void
  /** Whether what goes out on the lane reaches it. */
  isOn(lane: Lane): boolean
}

export interface Lane {
  /** The transport's name for it: short, unique within this node. */
  readonly id: string
  readonly topic: string
  readonly wireTopic: string
  readonly codec: Codec
  readonly intercepts: ReadonlySet<string>
  /** Members, where some event is intercepted; elsewhere nobody needs to know who they are. */
  readonly members: Set<Member> | undefined
  size: number
}

interface Topic {
  /** Few: one for each kind of subscriber. */
  lanes: readonly Lane[]
  /** Those who want the topic's messages to flow to this node, joined or about to. */
  holds: number
  /** Until they do. */
  flowing: Promise<void> | undefined
  /** Those who want to know when messages of other nodes may have been missed, if any do. */
  onGap: Set<() => void> | undefined
}

export class Fanout {
  readonly #topics = new Map<string, Topic>()
  readonly #pubsub: PubSub
  readonly #transport: Lanes
  readonly #telemetry: Telemetry
  #nextLane = 0

  constructor(pubsub: PubSub, transport: Lanes, telemetry: Telemetry) {
    this.#pubsub = pubsub
    this.#transport = transport
    this.#telemetry = telemetry
  }

  /** How many topics have local subscribers, and how many lanes they make. */
  get size(): { readonly topics: number; readonly lanes: number } {
    let lanes = 0
    for (const topic of this.#topics.values()) lanes += topic.lanes.length
    return { topics: this.#topics.size, lanes }
  }

  /**
   * Makes a topic's messages flow to this node. The promise, if any, resolves when they do. `onGap` is called
   * each time that some of them may have been missed.
   */
  hold(name: string, onGap?: () => void): Promise<void> | undefined {
    const known = this.#topics.get(name)
    if (known) {
      known.holds += 1
      if (onGap) tellOfGaps(known, onGap)
      return known.flowing
    }
    const topic: Topic = { lanes: [], holds: 1, flowing: undefined, onGap: undefined }
    if (onGap) tellOfGaps(topic, onGap)
    topic.flowing = this.#pubsub.subscribe(name, this.#deliver, () => {
      for (const tell of topic.onGap ?? []) tell()
    })
    this.#topics.set(name, topic)
    void topic.flowing?.then(() => {
      topic.flowing = undefined
    })
    return topic.flowing
  }

  /** `onGap` as it was given to `hold`. */
  release(name: string, onGap?: () => void): void {
    const topic = this.#topics.get(name)
    if (!topic) return
    topic.holds -= 1
    if (onGap) topic.onGap?.delete(onGap)
    if (topic.holds > 0) return
    this.#topics.delete(name)
    this.#pubsub.unsubscribe(name, this.#deliver)
  }

  /** Puts a member on the lane of a held topic. */
  attach(
    name: string,
    wireTopic: string,
    codec: Codec,
    intercepts: ReadonlySet<string>,
    member: Member,
  ): Lane {
    const topic = this.#topics.get(name)
    if (!topic) throw new Error(`attach without hold: ${name}`)
    const isOurs = (each: Lane) =>
      each.codec === codec && each.wireTopic === wireTopic && each.intercepts === intercepts
    let lane = topic.lanes.find(isOurs)
    if (!lane) {
      this.#nextLane += 1
      const members = intercepts.size > 0 ? new Set<Member>() : undefined
      const id = this.#nextLane.toString(36)
      lane = { id, topic: name, wireTopic, codec, intercepts, members, size: 0 }
      topic.lanes = [...topic.lanes, lane]
    }
    lane.size += 1
    lane.members?.add(member)
    member.connection.subscribe(lane.id)
    return lane
  }

  detach(lane: Lane, member: Member): void {
    member.connection.unsubscribe(lane.id)
    lane.members?.delete(member)
    lane.size -= 1
    const topic = this.#topics.get(lane.topic)
    if (lane.size === 0 && topic) topic.lanes = topic.lanes.filter((each) => each !== lane)
  }

  /**
   * To every subscriber on every node (or on this one), but for the member `from` on its lane. Throws
   * EncodeError, before anything is sent, for a payload that a subscriber's serializer cannot carry.
   */
  broadcast(broadcast: Broadcast, from?: Member, local = false): void {
    this.#telemetry.broadcast.publish(broadcast)
    this.#pubsub.publish(broadcast, { from, local })
  }

  readonly #deliver = (broadcast: Broadcast, from: unknown): void => {
    const topic = this.#topics.get(broadcast.topic)
    if (!topic) return
    const sender = from as Member | undefined
    const frames = new Map<Lane, Frame>()
    const intercepting: Lane[] = []
    for (const lane of topic.lanes) {
      if (lane.intercepts.has(broadcast.event)) intercepting.push(lane)
      else this.#encode(lane, broadcast, frames)
    }
    for (const [lane, frame] of frames) this.#publish(lane, frame, sender)
    for (const lane of intercepting) intercept(lane, broadcast, sender)
  }

  /** A binary payload does not reach V1 subscribers (there is no form for it): counted, not thrown. */
  #encode(lane: Lane, broadcast: Broadcast, frames: Map<Lane, Frame>): void {
    try {
      frames.set(lane, lane.codec.broadcast(lane.wireTopic, broadcast))
    } catch (error) {
      if (!(error instanceof EncodeError && broadcast.bytes && lane.codec.name === 'v1'))
        throw error
      this.#telemetry.dropped.publish({ reason: 'binary_for_v1', count: lane.size })
    }
  }

  #publish(lane: Lane, frame: Frame, sender: Member | undefined): void {
    const isBinary = typeof frame !== 'string'
    const excluded = sender?.isOn(lane) ? sender : undefined
    this.#telemetry.frames.out += excluded ? lane.size - 1 : lane.size
    if (excluded) excluded.connection.publish(lane.id, frame, isBinary)
    else this.#transport.publish(lane.id, frame, isBinary)
  }
}

function tellOfGaps(topic: Topic, onGap: () => void): void {
  topic.onGap ??= new Set()
  topic.onGap.add(onGap)
}

function intercept(lane: Lane, broadcast: Broadcast, sender: Member | undefined): void {
  for (const member of lane.members ?? []) if (member !== sender) member.intercept(broadcast)
}
