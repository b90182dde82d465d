import { createLocalPresence } from '../presence/local.ts'
import type { Presence } from '../presence/presence.ts'
import type { Broadcast } from '../protocol/broadcast.ts'
import { createLocalPubSub } from '../pubsub/local.ts'
import type { PubSub } from '../pubsub/pubsub.ts'
import type { Member } from '../socket/fanout.ts'
import type { Shared } from '../socket/owner.ts'
import { createShared } from '../socket/shared.ts'
import { createTelemetry } from '../telemetry.ts'
import { TestConnection, TestLanes } from './connection.ts'

export interface TestEndpointOptions {
  /** Carries the broadcasts; one within this process unless told. */
  readonly pubsub?: PubSub
  /** Whether anything runs that clients will hear of, and no handler awaits: `App.busy`. */
  readonly busy?: () => boolean
  /** A handler that runs for longer is taken for hung, and whatever waits for it fails; 1,500 ms unless told. */
  readonly patienceMs?: number
}

/** Something that was thrown where no client is told what. */
export interface Crash {
  readonly topic: string | undefined
  readonly error: unknown
}

const PATIENCE_MS = 1_500

/** One node without a network. Sockets that are to hear of each other are connected to the same one. */
export class TestEndpoint {
  /** For what publishes by itself. Broadcasts that go past it reach the channels, but not `assertBroadcast`. */
  readonly pubsub: PubSub
  /** For channels that track who is there. */
  readonly presence: Presence
  readonly patienceMs: number
  /** @internal What the channels' sockets stand on. */
  readonly shared: Shared
  /** @internal */
  readonly lanes = new TestLanes()
  /** @internal The test itself, as a sender: what it broadcasts it does not hear. */
  readonly self: Member = {
    connection: new TestConnection(this.lanes, () => undefined),
    intercept: () => undefined,
    isOn: () => false,
  }
  readonly #crashes = new Set<Crash>()
  readonly #isBusy: () => boolean
  readonly #work = new Set<{ readonly busy: boolean }>()
  readonly #listeners = new Map<string, Set<(broadcast: Broadcast) => void>>()
  #published = 0

  constructor({ pubsub, busy, patienceMs }: TestEndpointOptions = {}) {
    const telemetry = createTelemetry()
    telemetry.crashed.subscribe((crash) => this.#crashes.add(crash))
    this.pubsub = this.#observed(pubsub ?? createLocalPubSub())
    this.presence = createLocalPresence(this.pubsub, { telemetry })
    this.patienceMs = patienceMs ?? PATIENCE_MS
    this.shared = createShared(this.pubsub, this.lanes, telemetry)
    this.#isBusy = busy ?? (() => false)
  }

  /** So that a socket, a channel and an endpoint can all say where they are. */
  get endpoint(): TestEndpoint {
    return this
  }

  /** @internal */
  get busy(): boolean {
    if (this.shared.endings.running > 0 || this.#isBusy()) return true
    for (const each of this.#work) if (each.busy) return true
    return false
  }

  /** @internal */
  get activity(): number {
    const { frames } = this.shared.telemetry
    return frames.in + frames.out + this.#published
  }

  /** To every subscriber of the topic, as from another part of the application. Throws EncodeError. */
  broadcast(topic: string, event: string, payload: unknown): void {
    this.shared.endpoint.broadcast(topic, event, payload)
  }

  /** @internal From now on its work is waited for. */
  adopt(worker: { readonly busy: boolean }): void {
    this.#work.add(worker)
  }

  /** @internal Every broadcast on the topic, but for those of the test itself. Returns the function that ends it. */
  listen(topic: string, listener: (broadcast: Broadcast) => void): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set()
    this.#listeners.set(topic, listeners.add(listener))
    return () => listeners.delete(listener)
  }

  /** @internal Crashes that no assertion asked for: of the topic, if one is given, and of connections. */
  crashes(topic?: string): readonly Crash[] {
    return [...this.#crashes].filter(
      (crash) => topic === undefined || crash.topic === undefined || crash.topic === topic,
    )
  }

  /** @internal The same; from now on they are known, and count no more. */
  takeCrashes(topic?: string): readonly Crash[] {
    const found = this.crashes(topic)
    for (const crash of found) this.#crashes.delete(crash)
    return found
  }

  /** What could not be encoded was not published: its listeners hear nothing of it. */
  #observed(pubsub: PubSub): PubSub {
    return {
      subscribe: (topic, subscriber, onGap) => pubsub.subscribe(topic, subscriber, onGap),
      unsubscribe: (topic, subscriber) => pubsub.unsubscribe(topic, subscriber),
      publish: (broadcast, options) => {
        this.#published += 1
        pubsub.publish(broadcast, options)
        if (options?.from === this.self) return
        for (const listener of this.#listeners.get(broadcast.topic) ?? []) listener(broadcast)
      },
      isHeard: (topic) => pubsub.isHeard(topic),
      close: () => pubsub.close(),
    }
  }
}
