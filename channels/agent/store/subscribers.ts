import { Listeners } from './listeners.ts'
import type { SessionEvent, SessionListener } from './store.ts'

/**
 * Who on this node wants to hear of which session's events. Forgets a session with its last
 * listener.
 */
export class Subscribers {
  readonly #bySession = new Map<string, Listeners>()
  readonly #onError: (error: unknown) => void

  /** `onError` gets what listeners throw. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  /** Returns what ends the subscription. */
  add(session: string, listener: SessionListener): () => void {
    const listeners = this.#bySession.get(session) ?? new Listeners(this.#onError)
    this.#bySession.set(session, listeners)
    const leave = listeners.add(listener)
    return () => {
      leave()
      if (listeners.isEmpty && this.#bySession.get(session) === listeners) {
        this.#bySession.delete(session)
      }
    }
  }

  announce(session: string, event: SessionEvent): void {
    this.#bySession.get(session)?.tell((listener) => listener.event(event))
  }
}
