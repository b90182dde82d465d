import { type Rate, TokenBucket } from './token-bucket.ts'

/** Enough for every address and every operator of a node that are busy at one time. */
const MAX_KEYS = 100_000

/**
 * A token bucket for each key, of keys that clients can make up. Only those that are not full are kept, and
 * of them the most recently used: whoever can use more keys than that is not held back by a limit per key.
 */
export class KeyedBuckets {
  readonly #rate: Rate
  readonly #maxKeys: number
  /** Least recently used first. */
  readonly #buckets = new Map<string, TokenBucket>()

  constructor(rate: Rate, maxKeys = MAX_KEYS) {
    this.#rate = rate
    this.#maxKeys = maxKeys
  }

  get size(): number {
    return this.#buckets.size
  }

  /** False: the key's bucket is empty. `now` as in TokenBucket. */
  take(key: string, now: number): boolean {
    return this.#used(key, now).take(now)
  }

  /** As TokenBucket's. */
  charge(key: string, now: number): boolean {
    return this.#used(key, now).charge(now)
  }

  /** Whether `take` would. */
  has(key: string, now: number): boolean {
    return this.#buckets.get(key)?.has(now) ?? true
  }

  /** Forgets those that are full again: from time to time. */
  sweep(now: number): void {
    for (const [key, bucket] of this.#buckets) if (bucket.isFull(now)) this.#buckets.delete(key)
  }

  #used(key: string, now: number): TokenBucket {
    const bucket = this.#buckets.get(key) ?? new TokenBucket(this.#rate, now)
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    if (this.#buckets.size > this.#maxKeys) this.#forgetOldest()
    return bucket
  }

  #forgetOldest(): void {
    for (const key of this.#buckets.keys()) {
      this.#buckets.delete(key)
      return
    }
  }
}
