/** Typed events: who listens to what. */

/** What `on` returns: ends the listening. */
export type Unsubscribe = () => void

export class Listeners<Events extends object> {
  readonly #entries = new Map<keyof Events, Set<{ readonly call: (payload: never) => void }>>()
  #held: (() => void)[] | undefined = []

  on<E extends keyof Events>(event: E, listener: (payload: Events[E]) => void): Unsubscribe {
    const entries = this.#entries.get(event) ?? new Set()
    this.#entries.set(event, entries)
    const entry = { call: listener }
    entries.add(entry)
    return () => {
      entries.delete(entry)
    }
  }

  /** Tells every listener, in turn. What one of them throws harms no other, and is thrown afterwards. */
  emit<E extends keyof Events>(event: E, payload: Events[E]): void {
    if (this.#held) this.#held.push(() => this.#tell(event, payload))
    else this.#tell(event, payload)
  }

  /** Until it is called, events wait: nobody had a chance to listen yet. */
  flow(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const tell of held) tell()
  }

  #tell<E extends keyof Events>(event: E, payload: Events[E]): void {
    const entries = this.#entries.get(event) ?? new Set()
    for (const entry of [...entries]) {
      if (!entries.has(entry)) continue
      try {
        entry.call(payload as never)
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
