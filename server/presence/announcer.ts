import { setImmediate as nextTurn } from 'node:timers/promises'
import { Broadcast } from '../protocol/broadcast.ts'
import { toJson } from '../protocol/message.ts'
import { isPromise } from '../protocol/promise.ts'
import type { PubSub } from '../pubsub/pubsub.ts'
import { createTelemetry, type Telemetry } from '../telemetry.ts'
import { inTime, withExtras } from './fetched.ts'
import type { Meta, PresenceDiff, PresenceOptions, Presences } from './presence.ts'
import { byTopic, type Change, diffOf, Gathered } from './state.ts'

const FETCH_MS = 5_000
const DIFF_EVENT = 'presence_diff'

/** What is still to be told of one topic. */
interface Waiting {
  readonly gathered: Gathered
  /** Whether some of it was told before its time. */
  wasHurried: boolean
}

/**
 * Tells this node's subscribers what changed, in order, one diff of a topic at a time. What changes within one
 * turn of the event loop, or while `fetch` runs, is told as one: a thousand sockets that close at once are one
 * diff, not a thousand for each of the others.
 */
export class Announcer<F> {
  readonly #pubsub: PubSub
  readonly #options: PresenceOptions<F>
  readonly #list: (topic: string) => Presences
  readonly #telemetry: Telemetry
  readonly #waiting = new Map<string, Waiting>()

  /** `list` tells all presences of a topic as they are. */
  constructor(pubsub: PubSub, options: PresenceOptions<F>, list: (topic: string) => Presences) {
    this.#pubsub = pubsub
    this.#options = options
    this.#list = list
    this.#telemetry = options.telemetry ?? createTelemetry()
  }

  /** Called after `list` knows of it. */
  announce(change: Change): void {
    for (const [topic, own] of byTopic(change)) {
      const waiting = this.#waiting.get(topic)
      if (waiting) {
        waiting.gathered.add(own)
        continue
      }
      const gathered = new Gathered()
      gathered.add(own)
      this.#waiting.set(topic, { gathered, wasHurried: false })
      void this.#tell(topic, gathered)
    }
  }

  /**
   * Called before a list is given out: tells now what the list already shows. Clients that do not compare refs
   * (phoenix.js before 1.4) show people twice when the diff comes after the list; Phoenix nearly always sends it
   * first. Only once a turn, so that a thousand joins at once do not become a thousand diffs, and not where
   * `fetch` has to be asked.
   */
  hurry(topic: string): void {
    const waiting = this.#waiting.get(topic)
    if (!waiting || waiting.wasHurried || waiting.gathered.isEmpty || this.#options.fetch) return
    waiting.wasHurried = true
    this.#publish(topic, diffOf(waiting.gathered.take()), this.#shown(topic))
  }

  /** With what `fetch` adds. Never throws nor rejects. */
  extend(topic: string, presences: Presences): Presences | Promise<Presences> {
    const { fetch, fetchMs = FETCH_MS } = this.#options
    if (!fetch) return presences
    const failed = (error: unknown): Presences => {
      this.#crashed(topic, error)
      return presences
    }
    try {
      const extras: unknown = fetch(topic, presences)
      if (!isPromise(extras)) return withExtras(presences, extras)
      const extended = inTime(extras, fetchMs).then((value) => withExtras(presences, value))
      return extended.catch(failed)
    } catch (error) {
      return failed(error)
    }
  }

  async #tell(topic: string, gathered: Gathered): Promise<void> {
    await nextTurn()
    while (!gathered.isEmpty) {
      const plain = diffOf(gathered.take())
      const shown = this.#shown(topic)
      const diff = this.#options.fetch ? await this.#extendDiff(topic, plain) : plain
      this.#publish(topic, diff, shown)
    }
    this.#waiting.delete(topic)
  }

  async #extendDiff(topic: string, diff: PresenceDiff): Promise<PresenceDiff> {
    const sides = [this.extend(topic, diff.joins), this.extend(topic, diff.leaves)] as const
    const [joins, leaves] = await Promise.all(sides)
    try {
      const extended = { joins, leaves }
      toJson(extended)
      return extended
    } catch (error) {
      this.#crashed(topic, error)
      return diff
    }
  }

  /** What `handleMetas` is to be shown, where there is one. */
  #shown(topic: string): Presences | undefined {
    return this.#options.handleMetas && this.#list(topic)
  }

  #publish(topic: string, diff: PresenceDiff, shown: Presences | undefined): void {
    try {
      this.#pubsub.publish(new Broadcast(topic, DIFF_EVENT, diff), { local: true })
    } catch (error) {
      this.#crashed(topic, error)
    }
    if (shown) this.#handleMetas(topic, diff, shown)
  }

  #handleMetas(topic: string, diff: PresenceDiff, presences: Presences): void {
    const metas: Record<string, readonly Meta[]> = Object.create(null)
    for (const [key, value] of Object.entries(presences)) metas[key] = value.metas
    try {
      const handling = this.#options.handleMetas?.(topic, diff, metas)
      if (isPromise(handling)) {
        Promise.resolve(handling).catch((error: unknown) => this.#crashed(topic, error))
      }
    } catch (error) {
      this.#crashed(topic, error)
    }
  }

  #crashed(topic: string, error: unknown): void {
    this.#telemetry.crashed.publish({ topic, error })
  }
}
