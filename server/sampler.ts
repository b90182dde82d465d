interface Window {
  readonly endsAt: number
  taken: number
  leftOut: number
}

/** Lets the first few of each kind through in each window of time, so that nobody can flood a log. */
export class Sampler {
  readonly #limit: number
  readonly #windowMs: number
  readonly #windows = new Map<string, Window>()

  constructor(limit: number, windowMs: number) {
    this.#limit = limit
    this.#windowMs = windowMs
  }

  /**
   * Undefined: leave this one out. Else let it through; the number tells how many of its kind were left out
   * since the last that was let through. `kind` is one of few fixed texts, `now` in ms on any clock.
   */
  take(kind: string, now: number): number | undefined {
    let window = this.#windows.get(kind)
    if (!window || now >= window.endsAt) {
      const leftOut = window?.leftOut ?? 0
      window = { endsAt: now + this.#windowMs, taken: 0, leftOut }
      this.#windows.set(kind, window)
    }
    if (window.taken === this.#limit) {
      window.leftOut += 1
      return undefined
    }
    window.taken += 1
    const { leftOut } = window
    window.leftOut = 0
    return leftOut
  }
}
