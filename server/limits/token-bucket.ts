/** How often something may be done: so often a second in the long run, so often at once. */
export interface Rate {
  readonly perSecond: number
  /** What a bucket holds when it is full; at least 1. */
  readonly burst: number
}

/** The rate of so many a second and, for whoever was quiet before, twice as many at once. */
export const ratePerSecond = (perSecond: number): Rate => ({ perSecond, burst: 2 * perSecond })

/**
 * A token bucket: full at first, a token for each time that something is done. It has no clock: `now` is
 * milliseconds of any, the same for one bucket, and one that is set back only stands still.
 */
export class TokenBucket {
  readonly #rate: Rate
  #tokens: number
  #at: number

  constructor(rate: Rate, now: number) {
    this.#rate = rate
    this.#tokens = rate.burst
    this.#at = now
  }

  /** False: it is empty. */
  take(now: number): boolean {
    return this.withdraw(now, 1) === 1
  }

  /** Takes as many whole tokens as there are, `most` at most, and says how many. */
  withdraw(now: number, most: number): number {
    this.#refill(now)
    const taken = Math.min(most, Math.max(0, Math.floor(this.#tokens)))
    this.#tokens -= taken
    return taken
  }

  /** For what has been done already: takes a token also where there is none, which is then owed. False: it is. */
  charge(now: number): boolean {
    const isThere = this.has(now)
    this.#tokens -= 1
    return isThere
  }

  /** Whether `take` would. */
  has(now: number): boolean {
    this.#refill(now)
    return this.#tokens >= 1
  }

  /** Whether it is as good as a new one. */
  isFull(now: number): boolean {
    this.#refill(now)
    return this.#tokens === this.#rate.burst
  }

  #refill(now: number): void {
    const { perSecond, burst } = this.#rate
    const elapsedMs = Math.max(0, now - this.#at)
    this.#tokens = Math.min(burst, this.#tokens + (elapsedMs * perSecond) / 1_000)
    this.#at = now
  }
}
