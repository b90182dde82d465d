import type { SessionListener } from './store.ts'

/** A subscription is known by this object, so that one listener may be subscribed twice. */
interface Subscription {
  readonly listener: SessionListener
}

/** Who on this node wants to hear of one session. */
export class Listeners {
  readonly #subscriptions = new Set<Subscription>()
  readonly #onError: (error: unknown) => void

  /** `onError` gets what listeners throw. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  get isEmpty(): boolean {
    return this.#subscriptions.size === 0
  }

  /** Returns what ends the subscription. */
  add(listener: SessionListener): () => void {
    const subscription: Subscription = { listener }
    this.#subscriptions.add(subscription)
    return () => void this.#subscriptions.delete(subscription)
  }

  /** Calls every listener; not one that joins or leaves while it does. */
  tell(tell: (listener: SessionListener) => void): void {
    for (const subscription of [...this.#subscriptions]) {
      if (!this.#subscriptions.has(subscription)) continue
      try {
        tell(subscription.listener)
      } catch (error) {
        this.#onError(error)
      }
    }
  }
}
