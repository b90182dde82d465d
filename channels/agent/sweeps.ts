import type { Agent } from './agent.ts'
import { sweepExpired } from './expire-changes.ts'
import { type IsLeft, sweepApplying } from './sweep-applying.ts'

/** What becomes of changes that nobody asks about, from time to time. */
export class Sweeps {
  readonly #agent: Agent
  /** From where the next sweep of each kind goes on. */
  #applying = ''
  #expired = ''
  #isRunning = false
  #isEnded = false

  constructor(agent: Agent) {
    this.#agent = agent
  }

  /**
   * Settles what is left half applied, and expires what is over. Does nothing while that goes on already: it takes
   * as long as foreign repositories do. Never rejects.
   */
  async sweep(isLeft: IsLeft): Promise<void> {
    if (this.#isRunning || this.#isEnded) return
    this.#isRunning = true
    await Promise.all([
      this.#attempt(async () => {
        this.#applying = await sweepApplying(this.#agent, isLeft, this.#applying)
      }),
      this.#attempt(async () => {
        this.#expired = await sweepExpired(this.#agent, this.#expired)
      }),
    ])
    this.#isRunning = false
  }

  /** The store will be closed: what a sweep then misses, the next start's does. */
  end(): void {
    this.#isEnded = true
  }

  async #attempt(sweep: () => Promise<void>): Promise<void> {
    try {
      await sweep()
    } catch (error) {
      if (!this.#isEnded) this.#agent.onError(error)
    }
  }
}
