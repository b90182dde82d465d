import { RedisUnavailable } from './redis.ts'

/** How long a command may take, in milliseconds. */
export const DEADLINE_MS = 2000
/** How often a connection is asked whether it still lives: with the deadline, dead ones are found in 3.5 s. */
const PING_MS = 1500

export type Argument = string | number | Buffer

/** A connection as a client library keeps it: made at once, and again, by itself, whenever it is lost. */
export interface Connection {
  /** Sends a command at most once. Rejects when the connection is lost, or is not there. */
  call(name: string, args: readonly Argument[]): Promise<unknown>
  /** Gives up the connection that is there, for a new one. */
  reset(): void
  close(): void
}

export interface ConnectionEvents {
  /** Commands are answered. */
  ready(): void
  /** It is lost, or could not be made; undefined: it was closed without a word. */
  lost(reason: Error | undefined): void
  /** A message of a channel that was subscribed to. */
  message(channel: Buffer, data: Buffer): void
  /** Cluster: the node ended subscriptions, since their slots are another node's now. */
  moved(): void
}

export type Connect = (events: ConnectionEvents) => Connection

export interface LinkEvents {
  up(): void
  /** It was lost, or does not come up. */
  down(): void
  /** Why it went down, or does not come up: once for each reason. */
  error(error: Error): void
  message(channel: Buffer, data: Buffer): void
  moved(): void
}

/**
 * What is known of one connection, and commands with a deadline. What does not answer in time is taken for
 * dead, and so is a connection that nobody uses but does not answer a PING: half-open ones are never closed by
 * anybody else.
 */
export class Link {
  readonly #connection: Connection
  readonly #events: LinkEvents
  readonly #running = new Set<Promise<unknown>>()
  readonly #pings: NodeJS.Timeout
  readonly #opened: Promise<void>
  #state: 'opening' | 'up' | 'down' = 'opening'
  #endOpening: () => void = () => {}
  #reported: string | undefined
  #connects = 0

  constructor(connect: Connect, events: LinkEvents) {
    this.#events = events
    this.#opened = new Promise((resolve) => {
      const impatience = setTimeout(() => this.#lost(new Error('no connection yet')), DEADLINE_MS)
      this.#endOpening = () => {
        clearTimeout(impatience)
        resolve()
      }
    })
    this.#connection = connect({
      ready: () => this.#ready(),
      lost: (reason) => this.#lost(reason),
      message: (channel, data) => events.message(channel, data),
      moved: () => events.moved(),
    })
    this.#pings = setInterval(() => this.#ping(), PING_MS)
  }

  get isUp(): boolean {
    return this.#state === 'up'
  }

  /** It was up and is not, or did not come up: who waits for it might wait for long. */
  get isDown(): boolean {
    return this.#state === 'down'
  }

  get reconnects(): number {
    return Math.max(0, this.#connects - 1)
  }

  /**
   * Sends a command, at most once; while the first connection is being made it waits for that. Rejects with
   * RedisUnavailable, or with a plain Error for what Redis answers.
   */
  async call(name: string, args: readonly Argument[] = []): Promise<unknown> {
    if (this.#state === 'opening') await this.#opened
    if (this.#state !== 'up') throw new RedisUnavailable('no connection to Redis')
    const answer = this.#answer(name, args)
    this.#running.add(answer)
    try {
      return await answer
    } finally {
      this.#running.delete(answer)
    }
  }

  /** Waits for the answers that are due, at most for their deadline. */
  async close(): Promise<void> {
    clearInterval(this.#pings)
    await Promise.allSettled(this.#running)
    this.#endOpening()
    this.#state = 'down'
    this.#connection.close()
  }

  async #answer(name: string, args: readonly Argument[]): Promise<unknown> {
    try {
      return await withDeadline(this.#connection.call(name, args))
    } catch (error) {
      if (error instanceof DeadlinePassed) this.#reset(error)
      throw toOurs(error)
    }
  }

  #ready(): void {
    this.#state = 'up'
    this.#connects += 1
    this.#reported = undefined
    this.#endOpening()
    this.#events.up()
  }

  #reset(reason: Error): void {
    if (this.#state !== 'up') return
    this.#lost(reason)
    this.#connection.reset()
  }

  #lost(reason: Error | undefined): void {
    const before = this.#state
    this.#state = 'down'
    this.#endOpening()
    if (before !== 'down') this.#events.down()
    const message = reason?.message ?? (before === 'up' ? 'the connection was closed' : undefined)
    if (message === undefined || message === this.#reported) return
    this.#reported = message
    this.#events.error(new RedisUnavailable(message))
  }

  #ping(): void {
    if (this.#state === 'up') this.call('ping').catch(() => {})
  }
}

class DeadlinePassed extends Error {}

/** Where this process itself stood still, the answer may lie there unread: it is read before `reject`. */
function withDeadline<T>(answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = (): void => reject(new DeadlinePassed(`no answer within ${DEADLINE_MS} ms`))
    const timer = setTimeout(() => setImmediate(late), DEADLINE_MS)
    answer.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/** Replies that say: not now. */
const NOT_NOW = /^(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|READONLY|BUSY|OOM|MISCONF|NOREPLICAS) /

/** Without what the library adds: it puts the command's arguments, passwords too, into its errors. */
function toOurs(error: unknown): Error {
  const { name, message } = error instanceof Error ? error : new Error(String(error))
  if (name === 'ReplyError' && !NOT_NOW.test(message)) return new Error(message)
  return new RedisUnavailable(message)
}
