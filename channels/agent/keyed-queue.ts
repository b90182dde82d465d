/** One task at a time per key, in order; keys are independent. */
export class KeyedQueue {
  readonly #tails = new Map<string, Promise<unknown>>()

  /** Whether any task runs or waits. */
  get busy(): boolean {
    return this.#tails.size > 0
  }

  run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve()
    const running = before.then(task)
    const tail = running.then(
      () => undefined,
      () => undefined,
    )
    this.#tails.set(key, tail)
    void tail.then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key)
    })
    return running
  }
}
