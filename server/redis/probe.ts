import { randomBytes } from 'node:crypto'
import type { Redis } from './redis.ts'

/** How long a probe may take (contract 3). */
const DEADLINE_MS = 5_000

/**
 * Asks whether what is published really comes back: a connection that looks well may deliver nothing. Every
 * probe has its own channel.
 */
export class RedisProbe {
  readonly #redis: Redis
  readonly #channel: string
  #asking: Promise<boolean> | undefined
  /** Of the questions, the last. */
  #asked = 0
  #answer: (at: number) => void = () => {}
  #lastMs = Number.NaN

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis
    this.#channel = `${prefix}:probe:${randomBytes(9).toString('base64url')}`
    void redis.subscriber.subscribe(this.#channel, {
      message: (data) => {
        if (data.toString() === String(this.#asked)) this.#answer(performance.now())
      },
      gap() {},
    })
  }

  /** How long the last answer took to come, in milliseconds; NaN where none came. */
  get lastMs(): number {
    return this.#lastMs
  }

  /** Whether a message came back within 5 s. However many ask at once, one is sent. */
  ask(): Promise<boolean> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #ask(): Promise<boolean> {
    this.#asked += 1
    const askedAt = performance.now()
    let timer: NodeJS.Timeout | undefined
    const answered = new Promise<number>((resolve) => {
      this.#answer = resolve
      timer = setTimeout(resolve, DEADLINE_MS, Number.NaN)
    })
    // What cannot be published does not come back: that is the answer.
    this.#redis.publish(this.#channel, Buffer.from(String(this.#asked))).catch(() => {})
    this.#lastMs = (await answered) - askedAt
    clearTimeout(timer)
    return !Number.isNaN(this.#lastMs)
  }
}
