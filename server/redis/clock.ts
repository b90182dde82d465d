import type { Redis, Script } from './redis.ts'

/** A script, because a script has a key: in a cluster all nodes ask the same master. */
const TIME: Script = { name: 'redis-clock', lua: `return redis.call('TIME')` }
/** Few enough that a step of Redis's clock is soon forgotten. */
const READINGS = 4

interface Reading {
  readonly tookMs: number
  /** How far Redis's clock is ahead of this process's monotonic one. */
  readonly aheadMs: number
}

/**
 * Redis's clock: what time it is for all nodes, whatever their machines say. It goes on by itself between two
 * readings; it is wrong by half of what the quickest of the last few readings took, at most.
 */
export class RedisClock {
  readonly #redis: Redis
  readonly #key: string
  #readings: readonly Reading[] = []

  constructor(redis: Redis, key: string) {
    this.#redis = redis
    this.#key = key
  }

  /** Milliseconds since 1970, with a fraction; undefined before it was read. */
  now(): number | undefined {
    const [first, ...others] = this.#readings
    if (!first) return undefined
    const best = others.reduce((one, other) => (other.tookMs < one.tookMs ? other : one), first)
    return performance.now() + best.aheadMs
  }

  /** Never rejects: where Redis does not answer, it is as it was. */
  async read(): Promise<void> {
    const askedAt = performance.now()
    try {
      const [seconds, micros] = (await this.#redis.script(TIME, [this.#key], [])) as unknown[]
      const tookMs = performance.now() - askedAt
      const aheadMs = Number(seconds) * 1_000 + Number(micros) / 1_000 - (askedAt + tookMs / 2)
      this.#readings = [...this.#readings, { tookMs, aheadMs }].slice(-READINGS)
    } catch {}
  }
}
