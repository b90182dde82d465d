import { randomBytes } from 'node:crypto'
import type { Redis } from './redis.ts'

/**
 * Asks whether what is published really comes back: a connection that looks well may deliver nothing. Every
 * probe has its own channel.
 */
export class RedisProbe {
  readonly #redis: Redis
  readonly #channel: string
  readonly #waiting = new Map<string, (ms: number) => void>()
  #asked = 0
  #lastMs = Number.NaN

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis
    this.#channel = `${prefix}:probe:${randomBytes(9).toString('base64url')}`
    void redis.subscriber.subscribe(this.#channel, {
      message: (data) => this.#waiting.get(data.toString())?.(performance.now()),
      gap() {},
    })
  }

  /** How long the last answer took to come, in milliseconds; NaN where none came. */
  get lastMs(): number {
    return this.#lastMs
  }

  /** Whether a message came back within `deadlineMs`. */
  async ask(deadlineMs: number): Promise<boolean> {
    this.#asked += 1
    const question = String(this.#asked)
    const askedAt = performance.now()
    let timer: NodeJS.Timeout | undefined
    const answered = new Promise<number>((resolve) => {
      this.#waiting.set(question, (at) => resolve(at - askedAt))
      timer = setTimeout(resolve, deadlineMs, Number.NaN)
    })
    // What cannot be published does not come back: that is the answer.
    this.#redis.publish(this.#channel, Buffer.from(question)).catch(() => {})
    this.#lastMs = await answered
    clearTimeout(timer)
    this.#waiting.delete(question)
    return !Number.isNaN(this.#lastMs)
  }
}
