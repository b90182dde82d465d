import { KeyedBuckets, type Rate } from '../../server/index.ts'
import type { SessionKey } from './store/store.ts'

/** How often one operator of a business may ask something of this node, on all its sockets and sessions. */
export class OperationRate {
  readonly #buckets: KeyedBuckets | undefined

  /** Without a rate, as often as it likes. */
  constructor(rate?: Rate) {
    this.#buckets = rate && new KeyedBuckets(rate)
  }

  /** Counts a request. False: it is one too many. `now` in milliseconds. */
  admits({ businessId }: SessionKey, operatorId: string, now: number): boolean {
    return this.#buckets?.take(JSON.stringify([businessId, operatorId]), now) ?? true
  }

  /** From time to time: forgets operators that have been quiet. */
  sweep(now: number): void {
    this.#buckets?.sweep(now)
  }
}
