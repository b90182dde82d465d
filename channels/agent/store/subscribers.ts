import type { SessionEvent, SessionListener } from './store.ts'

/** A subscription is known by this object, so that one listener may be subscribed twice. */
interface Subscription {
  readonly listener: SessionListener
}

/**
 * Who on this node wants to hear of which session's events. Forgets a session with its last
 * listener.
 */
export class Subscribers {
  readonly #bySession = new Map<string, Set<Subscription>>()
  readonly #onError: (error: unknown) => void

  /** `onError` gets what listeners throw. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  /** Returns what ends the subscription. */
  add(session: string, listener: SessionListener): () => void {
    const subscription: Subscription = { listener }
    const subscriptions = this.#bySession.get(session) ?? new Set()
    this.#bySession.set(session, subscriptions.add(subscription))
    return () => {
      subscriptions.delete(subscription)
      if (subscriptions.size === 0 && this.#bySession.get(session) === subscriptions) {
        this.#bySession.delete(session)
      }
    }
  }

  /** Calls every listener of the session; not one that joins or leaves while it does. */
  announce(session: string, event: SessionEvent): void {
    const subscriptions = this.#bySession.get(session)
    if (!subscriptions) return
    for (const subscription of [...subscriptions]) {
      if (!subscriptions.has(subscription)) continue
      try {
        subscription.listener.event(event)
      } catch (error) {
        this.#onError(error)
      }
    }
  }
}
