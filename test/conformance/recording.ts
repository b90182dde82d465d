import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { Normaliser } from './normaliser.ts'

/** What all connections and requests of one play share: where it is, and when the server last spoke. */
export class Recording {
  /** The step that is being played; -1 before the first. */
  step = -1
  readonly normaliser = new Normaliser()
  #lastSign = performance.now()

  /** The server gave a sign. */
  touch(): void {
    this.#lastSign = performance.now()
  }

  /** Waits until the server has given no sign for `ms` milliseconds. */
  async quiet(ms: number): Promise<void> {
    this.touch()
    for (;;) {
      const left = this.#lastSign + ms - performance.now()
      if (left <= 0) return
      await delay(left)
    }
  }
}
