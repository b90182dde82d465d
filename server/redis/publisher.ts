import { DEADLINE_MS, type Link } from './link.ts'
import { RedisUnavailable } from './redis.ts'

/** What may wait while Redis is away; what comes beyond it is refused at once. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024
/** Messages on their way at a time. */
const BATCH = 1024

interface Message {
  readonly channel: string
  readonly data: Buffer
  /** By the monotonic clock, in milliseconds. */
  readonly expiresAt: number
  resolve(): void
  reject(error: Error): void
}

/**
 * Publishes in order: one batch is on its way at a time, the rest waits here, for the deadline at most. What
 * was on its way when the connection was lost is not sent again: it may have arrived.
 */
export class Publisher {
  readonly #link: Link
  readonly #command: 'PUBLISH' | 'SPUBLISH'
  readonly #waiting: Message[] = []
  #waitingBytes = 0
  #isSending = false
  #sent: Promise<void> | undefined
  #expiry: NodeJS.Timeout | undefined

  constructor(link: Link, command: 'PUBLISH' | 'SPUBLISH') {
    this.#link = link
    this.#command = command
  }

  /** Messages that wait to be sent. */
  get size(): number {
    return this.#waiting.length
  }

  /** Rejects with RedisUnavailable, or with an Error for what Redis answers. */
  publish(channel: string, data: Buffer): Promise<void> {
    if (this.#waitingBytes + data.length > MAX_WAITING_BYTES) {
      return Promise.reject(new RedisUnavailable('too much waits to be published'))
    }
    return new Promise((resolve, reject) => {
      // What is published in one turn goes out together. Not by a microtask: those run after each message of it.
      if (this.#waiting.length === 0) setImmediate(() => this.flush())
      const expiresAt = performance.now() + DEADLINE_MS
      this.#waiting.push({ channel, data, expiresAt, resolve, reject })
      this.#waitingBytes += data.length
      this.#expiry ??= setTimeout(() => this.#expire(), DEADLINE_MS)
    })
  }

  /** Sends what waits; for when the connection has come up. */
  flush(): void {
    if (!this.#isSending) this.#sent = this.#send()
  }

  /** Sends what waits, or rejects it where the connection is away. */
  async close(): Promise<void> {
    this.flush()
    await this.#sent
    this.#drop(this.#waiting.length, 'closed')
    clearTimeout(this.#expiry)
  }

  async #send(): Promise<void> {
    this.#isSending = true
    for (let batch = this.#next(); batch.length > 0; batch = this.#next()) {
      await Promise.all(
        batch.map(({ channel, data, resolve, reject }) =>
          this.#link.call(this.#command, [channel, data]).then(() => resolve(), reject),
        ),
      )
    }
    this.#isSending = false
  }

  #next(): readonly Message[] {
    if (!this.#link.isUp) return []
    this.#expire()
    return this.#take(BATCH)
  }

  #expire(): void {
    const now = performance.now()
    const alive = this.#waiting.findIndex(({ expiresAt }) => expiresAt > now)
    this.#drop(alive < 0 ? this.#waiting.length : alive, `not within ${DEADLINE_MS} ms`)
    clearTimeout(this.#expiry)
    const [oldest] = this.#waiting
    this.#expiry = oldest && setTimeout(() => this.#expire(), oldest.expiresAt - now)
  }

  #drop(count: number, why: string): void {
    for (const { reject } of this.#take(count))
      reject(new RedisUnavailable(`not published: ${why}`))
  }

  #take(count: number): readonly Message[] {
    const taken = this.#waiting.splice(0, count)
    for (const { data } of taken) this.#waitingBytes -= data.length
    return taken
  }
}
