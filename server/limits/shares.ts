/** How much each of many keeps right now, all up to the same limit; whoever keeps nothing takes no place. */
export class Shares {
  readonly #limit: number
  readonly #kept = new Map<string, number>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** How many keep something. */
  get size(): number {
    return this.#kept.size
  }

  /** False, and nothing is taken, where it would be more than the limit. */
  take(key: string, amount: number): boolean {
    const kept = (this.#kept.get(key) ?? 0) + amount
    if (kept > this.#limit) return false
    if (kept > 0) this.#kept.set(key, kept)
    return true
  }

  /** Gives back what was taken. */
  give(key: string, amount: number): void {
    const left = (this.#kept.get(key) ?? 0) - amount
    if (left > 0) this.#kept.set(key, left)
    else this.#kept.delete(key)
  }
}
