import { type Clock, monotonic } from '../limits/clock.ts'
import { type Rate, TokenBucket } from '../limits/token-bucket.ts'

/** What one socket may do; what is absent is not limited. */
export interface SocketLimits {
  /** Joined at one time. */
  readonly maxChannels: number
  /** Its messages, heartbeats included. */
  readonly messages?: Rate
  readonly joins?: Rate
  /** The joins of all sockets of the node. */
  readonly nodeJoins?: TokenBucket
  /** How long it may be connected before it has joined something. */
  readonly joinWithinMs?: number
  /** How deep lists and objects of a payload may be nested. */
  readonly maxDepth?: number
  /** The machine's own unless told. */
  readonly now?: Clock
}

/** What keeps a join from being tried, as it is counted, and what its client is told. */
export const JOIN_LIMITS = {
  socket_channels: 'too many channels joined',
  socket_joins: 'too many joins',
  node_joins: 'too many joins',
} as const

/** A bucket is asked for so much of its burst at once: that often a busy socket looks at the clock. */
const PORTION = 0.1

const portionOf = (rate: Rate | undefined): number =>
  rate ? Math.ceil(rate.burst * PORTION) : Number.POSITIVE_INFINITY

interface Buckets {
  messages?: TokenBucket
  joins?: TokenBucket
}

/**
 * What a socket counts of itself, in numbers of its own: most sockets never use up their first portion, and
 * need neither a bucket nor the clock. So a client that keeps to a rate is never refused, and one that does not
 * gets through a tenth of a burst more than the rate says.
 */
export class Limited {
  readonly #limits: SocketLimits
  #messages: number
  #joins: number
  #buckets: Buckets | undefined
  /** By the clock of the limits; 0: something was joined, or there is no hurry. */
  #joinBy: number

  constructor(limits: SocketLimits) {
    this.#limits = limits
    this.#messages = portionOf(limits.messages)
    this.#joins = portionOf(limits.joins)
    const { now = monotonic, joinWithinMs } = limits
    this.#joinBy = joinWithinMs ? Math.ceil(now() + joinWithinMs) : 0
  }

  /** Counts a message. False: it is one too many. */
  protected mayReceive(): boolean {
    if (this.#messages === 0) this.#messages = this.#more('messages')
    if (this.#messages === 0) return false
    this.#messages -= 1
    return true
  }

  /** Counts a join of a socket that has joined so many channels. Undefined: there is room for it. */
  protected joinLimit(channels: number): keyof typeof JOIN_LIMITS | undefined {
    const { maxChannels, nodeJoins, now = monotonic } = this.#limits
    if (channels >= maxChannels) return 'socket_channels'
    if (this.#joins === 0) this.#joins = this.#more('joins')
    if (this.#joins === 0) return 'socket_joins'
    this.#joins -= 1
    return !nodeJoins || nodeJoins.take(now()) ? undefined : 'node_joins'
  }

  protected hasJoined(): void {
    this.#joinBy = 0
  }

  /** Whether it has joined nothing for too long. */
  protected isLate(now: number): boolean {
    return this.#joinBy !== 0 && now > this.#joinBy
  }

  #more(what: 'messages' | 'joins'): number {
    const { [what]: rate, now = monotonic } = this.#limits
    if (!rate) return portionOf(rate)
    const at = now()
    this.#buckets ??= {}
    this.#buckets[what] ??= new TokenBucket(rate, at)
    return this.#buckets[what].withdraw(at, portionOf(rate))
  }
}
