/**
 * What the rest of the server needs of Redis. Two connections: one runs commands and publishes, one
 * subscribes. Neither may be used for anything else.
 */

/**
 * Redis could not be reached, did not answer in time, or is in no state to serve (it loads, it is full, it is no
 * master …): whether a command took effect is unknown.
 */
export class RedisUnavailable extends Error {
  override readonly name = 'RedisUnavailable'
}

/** A Lua script; it is sent by its hash, and whole where the server does not know it yet. */
export interface Script {
  readonly name: string
  readonly lua: string
}

/** One Redis channel's listener. */
export interface ChannelListener {
  /** `data` belongs to the listener. */
  message(data: Buffer): void
  /**
   * Messages may have been missed: the subscription was not confirmed in time, or the connection was lost and
   * is back.
   */
  gap(): void
}

export interface RedisSubscriber {
  /** Whether the subscribing connection is up, as far as is known. */
  readonly up: boolean
  /**
   * Listens to a channel: any string, literally. The promise resolves when Redis has confirmed, or after
   * 1 s; undefined where that was so already, and while the connection is known to be down (then a `gap`
   * follows when it is back). Several listeners share one subscription.
   */
  subscribe(channel: string, listener: ChannelListener): Promise<void> | undefined
  /** The subscription itself lingers a little, for the next who wants it. */
  unsubscribe(channel: string, listener: ChannelListener): void
}

export interface Redis {
  readonly subscriber: RedisSubscriber
  /** Whether the commands' connection is up, as far as is known. */
  readonly up: boolean
  /** A cluster: a channel is at the node that has its slot, and a script publishes with SPUBLISH. */
  readonly isSharded: boolean
  /**
   * Runs a script once: it is never resent. Integers come back as numbers, bulk strings as strings, nil as
   * null. Rejects with RedisUnavailable when Redis is away or the deadline (2 s) passes, and with an Error for
   * what the script itself raises.
   */
  script(
    script: Script,
    keys: readonly string[],
    args: readonly (string | number | Buffer)[],
  ): Promise<unknown>
  /** Any one command, under the same rules. */
  command(name: string, ...args: readonly (string | number | Buffer)[]): Promise<unknown>
  /** The same command at every master: one answer for each. Rejects where one of them does not answer. */
  everywhere(
    name: string,
    ...args: readonly (string | number | Buffer)[]
  ): Promise<readonly unknown[]>
  /** At most once. Rejects with RedisUnavailable like the others. */
  publish(channel: string, data: Buffer): Promise<void>
  /** For metrics. */
  readonly stats: RedisStats
  close(): Promise<void>
}

export interface RedisStats {
  readonly reconnects: number
  readonly subscriptions: number
  readonly publishQueue: number
}
