import { randomBytes } from 'node:crypto'
import type { PubSub } from '../pubsub/pubsub.ts'
import { type Redis, RedisUnavailable } from '../redis/redis.ts'
import { createTelemetry, type Telemetry } from '../telemetry.ts'
import { Others } from './others.ts'
import { OwnEntries } from './own-entries.ts'
import { type Place, placeIn } from './place.ts'
import type { Presence, PresenceOptions, Presences } from './presence.ts'
import type { Change, Entries } from './state.ts'
import { type Replica, Tracker } from './tracker.ts'

export interface RedisPresenceOptions<F> extends PresenceOptions<F> {
  readonly redis: Redis
  /** What every key and channel begins with. */
  readonly prefix: string
  /** How long the others believe in this node without a sign of it; 15,000 ms where nothing is said. */
  readonly leaseMs?: number
}

const LEASE_MS = 15_000
/** Signs of life in one lease. */
const BEATS = 3
const RETRY_MS = 1_000

/**
 * Presence that all nodes of the same Redis and prefix share. Each node knows all entries, and writes its own
 * under a lease. Nodes that die leave when it ends; nodes that close, at once. Without Redis a node goes on
 * with its own entries and keeps what it knows of others, until Redis has been back for as long as a lease:
 * by then every other node that lives has renewed its own.
 *
 * Resolves when the node knows who is there, or Redis cannot be asked: then it will know later.
 */
export async function createRedisPresence<F = Presences>(
  pubsub: PubSub,
  options: RedisPresenceOptions<F>,
): Promise<Presence<F>> {
  const replica: RedisReplica = new RedisReplica(options, {
    own: () => tracker.own(),
    merge: (change) => tracker.merge(change),
  })
  const tracker: Tracker<F> = new Tracker(pubsub, options, replica)
  await replica.start()
  return tracker
}

/** What is tracked on this node, and how it hears of the others. */
interface Local {
  own(): Entries
  merge(change: Change): void
}

/** One node among others: writes what changes here, gives a sign of life, looks for those of others. */
class RedisReplica implements Replica {
  readonly #place: Place
  readonly #own: OwnEntries
  readonly #others: Others
  readonly #telemetry: Telemetry
  readonly #leaseMs: number
  /** When the next sign of life is due, by this process's clock. */
  #beatAt = 0
  /** From when on an ended lease means a dead node; never, as long as Redis itself is in doubt. */
  #judgesFrom = 0
  #isReachable = true
  #isClosed = false
  #wake: () => void = () => {}
  #reading = Promise.resolve()
  #running = Promise.resolve()

  constructor(options: RedisPresenceOptions<unknown>, local: Local) {
    // No two nodes are the same, and none comes back after a restart.
    const node = randomBytes(12).toString('base64url')
    const place = placeIn(options.redis, options.prefix)
    const telemetry = options.telemetry ?? createTelemetry()
    this.#place = place
    this.#telemetry = telemetry
    this.#leaseMs = options.leaseMs ?? LEASE_MS
    this.#own = new OwnEntries(place, node, this.#leaseMs, local.own)
    const onGap = () => this.#lookAgain()
    this.#others = new Others({ place, node, telemetry, merge: local.merge, onGap })
  }

  async start(): Promise<void> {
    await this.#place.redis.subscriber.subscribe(this.#place.channel, this.#others)
    await this.#turn()
    await this.#reading
    this.#running = this.#run()
  }

  changed(change: Change): void {
    this.#own.changed(change)
    if (this.#isReachable) this.#wake()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#wake()
    await this.#running
    this.#place.redis.subscriber.unsubscribe(this.#place.channel, this.#others)
    try {
      await this.#own.leave()
    } catch (error) {
      this.#report(error)
    }
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      await this.#sleep()
      if (!this.#isClosed) await this.#turn()
    }
  }

  async #turn(): Promise<void> {
    try {
      if (this.#own.isDue && !(await this.#own.write())) this.#doubt()
      if (performance.now() >= this.#beatAt) await this.#beat()
      this.#isReachable = true
    } catch (error) {
      this.#isReachable = false
      this.#doubt()
      this.#report(error)
    }
  }

  async #beat(): Promise<void> {
    const before = this.#others.seqs()
    this.#beatAt = Infinity
    const living = await this.#own.renew()
    if (!living) this.#doubt()
    // A gap came meanwhile: what was answered may be from before it.
    if (!living || this.#beatAt === 0) return
    this.#reading = this.#others.look(living)
    const now = performance.now()
    if (this.#judgesFrom === Infinity) this.#judgesFrom = now + this.#leaseMs
    if (now >= this.#judgesFrom) this.#others.bury(before, living)
    const ends = [...living.values()].map(({ leftMs }) => now + leftMs + 1)
    if (now < this.#judgesFrom) ends.push(this.#judgesFrom)
    this.#beatAt = Math.min(now + this.#leaseMs / BEATS, ...ends)
  }

  /** Redis was away, or has lost something: the leases of others may have ended without their fault. */
  #doubt(): void {
    this.#judgesFrom = Infinity
    this.#beatAt = 0
  }

  #lookAgain(): void {
    this.#doubt()
    this.#wake()
  }

  #sleep(): Promise<void> {
    const ms = this.#waitMs()
    if (ms <= 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake(), ms)
      this.#wake = () => {
        clearTimeout(timer)
        this.#wake = () => {}
        resolve()
      }
    })
  }

  #waitMs(): number {
    if (!this.#isReachable) return Math.min(RETRY_MS, this.#leaseMs / BEATS)
    return this.#own.isDue ? 0 : this.#beatAt - performance.now()
  }

  #report(error: unknown): void {
    if (error instanceof RedisUnavailable) return
    this.#telemetry.crashed.publish({ topic: undefined, error })
  }
}
