/** With the machine busy. */
const PATIENCE_MS = 10_000

interface Asker<T> {
  matches(value: T): boolean
  resolve(value: T): void
  reject(reason: Error): void
}

/**
 * Values as they arrive, none missed: each is handed out once, the oldest match first, whether it came
 * before it was asked for or comes after. `show` writes a value into the errors.
 */
export class Queue<T> {
  /** Everything that ever arrived, oldest first. */
  readonly all: T[] = []
  /** What arrived and was not handed out yet, oldest first. */
  readonly unclaimed: T[] = []
  readonly #askers = new Set<Asker<T>>()
  readonly #show: (value: T) => string
  #ended: Error | undefined

  constructor(show: (value: T) => string) {
    this.#show = show
  }

  push(value: T): void {
    this.all.push(value)
    const asker = [...this.#askers].find((each) => each.matches(value))
    if (asker) asker.resolve(value)
    else this.unclaimed.push(value)
  }

  /** Nothing will arrive any more: who waits, or asks for what did not arrive, is told why. */
  end(reason: Error): void {
    this.#ended ??= reason
    for (const asker of this.#askers) asker.reject(this.#ended)
  }

  /** Hands out the first value that matches. Rejects after `timeoutMs` with a list of what did come. */
  async next(matches: (value: T) => boolean = () => true, timeoutMs = PATIENCE_MS): Promise<T> {
    const at = this.unclaimed.findIndex(matches)
    if (at >= 0) return this.unclaimed.splice(at, 1)[0] as T
    if (this.#ended) throw this.#failure(this.#ended)
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer)
        this.#askers.delete(asker)
      }
      const asker: Asker<T> = {
        matches,
        resolve(value) {
          settle()
          resolve(value)
        },
        reject: (reason) => {
          settle()
          reject(this.#failure(reason))
        },
      }
      const timer = setTimeout(() => {
        asker.reject(new Error(`no match within ${timeoutMs} ms`))
      }, timeoutMs)
      this.#askers.add(asker)
    })
  }

  #failure(reason: Error): Error {
    return new Error(`${reason.message}; ${this.#came()}`, { cause: reason })
  }

  #came(): string {
    if (this.unclaimed.length === 0) return 'nothing else came'
    return ['what else came:', ...this.unclaimed.map(this.#show)].join('\n  ')
  }
}
