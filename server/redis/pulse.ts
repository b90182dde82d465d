import { randomBytes } from 'node:crypto'
import type { Telemetry } from '../telemetry.ts'
import { RedisClock } from './clock.ts'
import type { Redis } from './redis.ts'

/** `<node> <microseconds since 1970, by Redis's clock>` */
const PULSE = /^([\w-]{12}) (\d{1,16})$/

/**
 * Every node says from time to time when it said it, and the others learn how long a message takes to them: what
 * it waits at its sender, in Redis and here. So no other message, of whatever kind, has to carry a time.
 */
export class RedisPulse {
  readonly #redis: Redis
  readonly #telemetry: Pick<Telemetry, 'pulse'>
  readonly #channel: string
  readonly #clock: RedisClock
  readonly #node = randomBytes(9).toString('base64url')

  constructor(redis: Redis, prefix: string, telemetry: Pick<Telemetry, 'pulse'>) {
    this.#redis = redis
    this.#telemetry = telemetry
    this.#channel = `${prefix}:pulse`
    this.#clock = new RedisClock(redis, this.#channel)
    void redis.subscriber.subscribe(this.#channel, {
      message: (data) => this.#receive(data.toString()),
      gap() {},
    })
  }

  /** Resolves when Redis's clock was read, too, or could not be. Never rejects. */
  async beat(): Promise<void> {
    const reading = this.#clock.read()
    if (this.#clock.now() === undefined) await reading
    const now = this.#clock.now()
    if (now !== undefined) {
      const pulse = Buffer.from(`${this.#node} ${Math.round(now * 1_000)}`)
      // What is not published is not heard: that tells enough.
      this.#redis.publish(this.#channel, pulse).catch(() => {})
    }
    await reading
  }

  #receive(pulse: string): void {
    const [, node, micros] = PULSE.exec(pulse) ?? []
    const now = this.#clock.now()
    if (node === undefined || node === this.#node || now === undefined) return
    // Below zero is what two readings of the clock differ by.
    const lagMs = Math.max(0, now - Number(micros) / 1_000)
    this.#telemetry.pulse.publish({ lagMs })
  }
}
