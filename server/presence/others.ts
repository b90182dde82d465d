import { type ChannelListener, RedisUnavailable } from '../redis/redis.ts'
import type { Telemetry } from '../telemetry.ts'
import { Peers } from './peers.ts'
import type { Living, Place } from './place.ts'
import { READ } from './scripts.ts'
import { type Change, type Entry, entriesOf } from './state.ts'
import { decodeEntry, decodeStep, type Step } from './wire.ts'

export interface OthersOptions {
  readonly place: Place
  /** This node, whose own steps are none of them. */
  readonly node: string
  readonly telemetry: Telemetry
  /** Told of each change among the others. */
  readonly merge: (change: Change) => void
  /** Told when steps may have been missed. */
  readonly onGap: () => void
}

/** The other nodes' entries: their steps as they come, and read whole where some are missing. */
export class Others implements ChannelListener {
  readonly #options: OthersOptions
  readonly #peers: Peers
  /** The steps that come while a node is being read. */
  readonly #reading = new Map<string, Step[]>()
  /** What each node had done at the last look. */
  #seen: Living = new Map()
  #isGap = false

  constructor(options: OthersOptions) {
    this.#options = options
    this.#peers = new Peers(options.merge)
  }

  message(data: Buffer): void {
    const step = decodeStep(data)
    if (!step) this.#options.telemetry.dropped.publish({ reason: 'foreign_presence', count: 1 })
    else if (step.node !== this.#options.node) this.#take(step)
  }

  gap(): void {
    this.#isGap = true
    this.#options.onGap()
  }

  /** The last known step of each, as it is now. */
  seqs(): ReadonlyMap<string, number> {
    return this.#peers.seqs()
  }

  /**
   * Reads the nodes that have gone further than is known here. A step may still be on its way: where nothing
   * hints at a gap, it has until the next look.
   */
  async look(living: Living): Promise<void> {
    const owed = this.#isGap ? living : this.#seen
    this.#seen = living
    this.#isGap = false
    const behind = [...living.keys()].filter((node) => {
      const seq = this.#peers.seqOf(node)
      return seq === undefined || seq < (owed.get(node)?.seq ?? 0)
    })
    await Promise.all(behind.map((node) => this.#read(node)))
  }

  /** Nodes that were known as `before`, before `living` was asked for, and do not live: they leave. */
  bury(before: ReadonlyMap<string, number>, living: Living): void {
    for (const [node, seq] of before) {
      if (!living.has(node) && this.#peers.seqOf(node) === seq) this.#peers.drop(node)
    }
  }

  #take(step: Step): void {
    const reading = this.#reading.get(step.node)
    if (reading) reading.push(step)
    else if (!this.#peers.take(step)) void this.#read(step.node)
  }

  /** Never rejects: a node that could not be read is behind, and the next look reads it again. */
  async #read(node: string): Promise<void> {
    if (this.#reading.has(node)) return
    const steps: Step[] = []
    this.#reading.set(node, steps)
    const isRead = await this.#replace(node)
    this.#reading.delete(node)
    if (isRead) for (const step of steps) this.#take(step)
  }

  async #replace(node: string): Promise<boolean> {
    const { place, telemetry } = this.#options
    try {
      const answer = await place.redis.script(READ, [place.nodes, place.entries(node)], [node])
      if (answer === null) return false
      const [seq, ...values] = answer as readonly unknown[]
      const entries = values.map(decodeEntry).filter((entry): entry is Entry => entry !== undefined)
      this.#peers.replace(node, Number(seq), entriesOf(entries))
      return true
    } catch (error) {
      if (!(error instanceof RedisUnavailable))
        telemetry.crashed.publish({ topic: undefined, error })
      return false
    }
  }
}
