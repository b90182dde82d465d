import type { ChannelListener, RedisSubscriber } from '../../../server/index.ts'
import { Listeners } from './listeners.ts'
import { decodeMessage, EPOCH_CHANGED, type Position } from './redis-events.ts'
import type { SessionListener, SessionSubscription } from './store.ts'

/** Sessions that somebody on this node listens to: one subscription of Redis, and one decoding, for all. */
export class RedisSubscriptions {
  readonly #subscriber: RedisSubscriber
  readonly #onError: (error: unknown) => void
  readonly #channels = new Map<string, SessionChannel>()
  #isClosed = false

  /** `onError` gets what listeners throw, and messages that are no events. */
  constructor(subscriber: RedisSubscriber, onError: (error: unknown) => void) {
    this.#subscriber = subscriber
    this.#onError = onError
  }

  /** `name` is the session's channel. */
  add(name: string, listener: SessionListener): SessionSubscription {
    if (this.#isClosed) return { ready: undefined, end() {} }
    const channel = this.#channels.get(name) ?? new SessionChannel(this.#onError)
    this.#channels.set(name, channel)
    const leave = channel.listeners.add(listener)
    return {
      ready: this.#subscriber.subscribe(name, channel),
      end: () => {
        leave()
        if (channel.listeners.isEmpty && this.#channels.get(name) === channel)
          this.#end(name, channel)
      },
    }
  }

  /**
   * The newest event of a session that anybody on this node can know of; undefined where nobody listens to it, or
   * nobody has asked yet. Where Redis does not have it any more, it has lost it.
   */
  known(name: string): Position | undefined {
    return this.#channels.get(name)?.known
  }

  /** Redis was asked: it has what was known, and what follows up to `position`, or has begun another epoch. */
  learn(name: string, position: Position): void {
    this.#channels.get(name)?.learn(position)
  }

  /** Nobody hears anything any more. */
  close(): void {
    this.#isClosed = true
    for (const [name, channel] of this.#channels) this.#end(name, channel)
  }

  #end(name: string, channel: SessionChannel): void {
    this.#channels.delete(name)
    this.#subscriber.unsubscribe(name, channel)
  }
}

/** One session's channel, for all its listeners. */
class SessionChannel implements ChannelListener {
  readonly listeners: Listeners
  readonly #onError: (error: unknown) => void
  #known: Position | undefined
  /** Redis may have come back with less, and was not asked since: what it tells may not follow what is known. */
  #isDoubtful = false

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
    this.listeners = new Listeners(onError)
  }

  get known(): Position | undefined {
    return this.#known
  }

  learn(position: Position): void {
    this.#isDoubtful = false
    const known = this.#known
    // An old page says nothing new.
    if (known?.epoch !== position.epoch || known.seq < position.seq) this.#known = position
  }

  message(data: Buffer): void {
    const message = decodeMessage(data)
    if (message === undefined) {
      this.#onError(new Error('a message on a session channel that is no event'))
    } else if (message === EPOCH_CHANGED) {
      this.gap()
    } else {
      const { position, event } = message
      const isSure = !this.#isDoubtful && this.#known?.epoch === position.epoch
      if (isSure) this.learn(position)
      this.listeners.tell((listener) => listener.event(event))
    }
  }

  gap(): void {
    this.#isDoubtful = true
    this.listeners.tell((listener) => listener.gap())
  }
}
