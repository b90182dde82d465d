import type { Link } from './link.ts'
import type { ChannelListener, RedisSubscriber } from './redis.ts'

/** How long the first subscriber of a channel waits for Redis, in milliseconds. */
const WAIT_MS = 1000
/** How long a channel that nobody listens to stays subscribed. */
const LINGER_MS = 1000
const RETRY_MS = 1000
/** Channels in one command. */
const BATCH = 512

export type SubscriberLink = Pick<Link, 'isUp' | 'isDown' | 'call'>

/** What is wanted of one channel, and what is known of it. */
interface Entry {
  readonly channel: string
  readonly listeners: Set<ChannelListener>
  /** On the present connection. */
  isConfirmed: boolean
  /** Listeners are told when it is confirmed. */
  mayHaveMissed: boolean
  waiting: Promise<void> | undefined
  endWaiting: () => void
  linger: NodeJS.Timeout | undefined
}

/** A channel that one subscriber gave up. */
export type Released = Pick<Entry, 'channel' | 'listeners' | 'endWaiting'>

export interface SubscriberOptions {
  /** Sharded pub/sub: channels of one command are of one slot. */
  readonly slotOf?: (channel: string) => number
  /** Gets what listeners throw, and what Redis answers to a SUBSCRIBE that it refuses. */
  readonly onError: (error: Error) => void
}

/**
 * Keeps one connection subscribed to what is listened to: what is wanted is kept here and asked for in
 * batches, all of it again on each new connection. Whoever holds it passes the link's events on.
 */
export class Subscriber implements RedisSubscriber {
  readonly #link: SubscriberLink
  readonly #slotOf: SubscriberOptions['slotOf']
  readonly #onError: (error: Error) => void
  readonly #entries = new Map<string, Entry>()
  readonly #joining = new Set<Entry>()
  readonly #leaving = new Set<string>()
  #next: NodeJS.Immediate | undefined
  #retry: NodeJS.Timeout | undefined
  /** Somebody waited in vain: nobody else does, until Redis confirms something. */
  #isStalled = false

  constructor(link: SubscriberLink, { slotOf, onError }: SubscriberOptions) {
    this.#link = link
    this.#slotOf = slotOf
    this.#onError = onError
  }

  get up(): boolean {
    return this.#link.isUp
  }

  /** Channels, those that linger included. */
  get size(): number {
    return this.#entries.size
  }

  subscribe(channel: string, listener: ChannelListener): Promise<void> | undefined {
    const entry = this.#entryOf(channel.toWellFormed())
    clearTimeout(entry.linger)
    entry.listeners.add(listener)
    return this.#flowing(entry)
  }

  unsubscribe(channel: string, listener: ChannelListener): void {
    const entry = this.#entries.get(channel.toWellFormed())
    if (!entry?.listeners.delete(listener) || entry.listeners.size > 0) return
    entry.linger = setTimeout(() => this.#remove(entry), LINGER_MS)
  }

  /** Gives up the channels that `isElsewhere`, for another subscriber to adopt; those who wait go on waiting. */
  release(isElsewhere: (channel: string) => boolean): readonly Released[] {
    const released = [...this.#entries.values()].filter(({ channel }) => isElsewhere(channel))
    for (const entry of released) this.#forget(entry)
    return released
  }

  adopt({ channel, listeners, endWaiting }: Released): void {
    if (listeners.size === 0) return
    const entry = this.#entryOf(channel)
    for (const listener of listeners) entry.listeners.add(listener)
    entry.mayHaveMissed = true
    void (this.#flowing(entry) ?? Promise.resolve()).then(endWaiting)
  }

  /** There is a new connection, or the present one has to be asked for everything again. */
  renew(): void {
    this.#joining.clear()
    for (const entry of this.#entries.values()) {
      if (entry.listeners.size > 0) this.#joining.add(entry)
      else this.#remove(entry)
    }
    this.#flush()
  }

  /** The connection, or what was subscribed to on it, is lost. */
  lost(): void {
    this.#joining.clear()
    this.#leaving.clear()
    for (const entry of this.#entries.values()) {
      entry.isConfirmed = false
      entry.mayHaveMissed = true
      entry.endWaiting()
    }
  }

  /** What comes before a `gap` is told is a part of it: a listener would take it for what follows. */
  deliver(channel: Buffer, data: Buffer): void {
    const entry = this.#entries.get(channel.toString())
    if (entry && !entry.mayHaveMissed) this.#tell(entry, (listener) => listener.message(data))
  }

  close(): void {
    clearImmediate(this.#next)
    clearTimeout(this.#retry)
    for (const entry of this.#entries.values()) {
      clearTimeout(entry.linger)
      entry.endWaiting()
    }
    this.#entries.clear()
  }

  #entryOf(channel: string): Entry {
    const known = this.#entries.get(channel)
    if (known) return known
    const entry: Entry = {
      channel,
      listeners: new Set(),
      isConfirmed: false,
      mayHaveMissed: false,
      waiting: undefined,
      endWaiting() {},
      linger: undefined,
    }
    this.#entries.set(channel, entry)
    this.#joining.add(entry)
    this.#soon()
    return entry
  }

  #flowing(entry: Entry): Promise<void> | undefined {
    if (entry.isConfirmed) return undefined
    if (!this.#link.isDown && !this.#isStalled) return this.#wait(entry)
    entry.mayHaveMissed = true
    return undefined
  }

  #wait(entry: Entry): Promise<void> {
    entry.waiting ??= new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#isStalled = true
        entry.mayHaveMissed = true
        entry.endWaiting()
      }, WAIT_MS)
      entry.endWaiting = () => {
        clearTimeout(timer)
        entry.waiting = undefined
        resolve()
      }
    })
    return entry.waiting
  }

  #remove(entry: Entry): void {
    this.#forget(entry)
    entry.endWaiting()
  }

  #forget(entry: Entry): void {
    clearTimeout(entry.linger)
    this.#entries.delete(entry.channel)
    this.#joining.delete(entry)
    this.#leaving.add(entry.channel)
    this.#soon()
  }

  #soon(): void {
    this.#next ??= setImmediate(() => this.#flush())
  }

  /** Leaves before it joins: a channel may be in both. */
  #flush(): void {
    clearImmediate(this.#next)
    this.#next = undefined
    if (!this.#link.isUp) return
    const joining = [...this.#joining]
    const leaving = [...this.#leaving]
    this.#joining.clear()
    this.#leaving.clear()
    for (const batch of this.#batches(leaving, (channel) => channel)) void this.#leave(batch)
    for (const batch of this.#batches(joining, ({ channel }) => channel)) void this.#join(batch)
  }

  async #join(entries: readonly Entry[]): Promise<void> {
    const channels = entries.map(({ channel }) => channel)
    try {
      await this.#link.call(this.#slotOf ? 'ssubscribe' : 'subscribe', channels)
    } catch (error) {
      if (this.#link.isUp) this.#refused(entries, error as Error)
      return
    }
    this.#isStalled = false
    for (const entry of entries) this.#confirm(entry)
  }

  /** Where it fails, the connection is lost; or messages come that nobody listens to. */
  async #leave(channels: readonly string[]): Promise<void> {
    await this.#link.call(this.#slotOf ? 'sunsubscribe' : 'unsubscribe', channels).catch(() => {})
  }

  #confirm(entry: Entry): void {
    const { mayHaveMissed } = entry
    entry.isConfirmed = true
    entry.mayHaveMissed = false
    entry.endWaiting()
    if (mayHaveMissed) this.#tell(entry, (listener) => listener.gap())
  }

  #refused(entries: readonly Entry[], error: Error): void {
    for (const entry of entries) {
      if (this.#entries.get(entry.channel) === entry) this.#joining.add(entry)
    }
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => this.#flush(), RETRY_MS)
    this.#onError(error)
  }

  /** Who comes while it goes on is not told. */
  #tell({ listeners }: Entry, tell: (listener: ChannelListener) => void): void {
    for (const listener of [...listeners]) {
      try {
        tell(listener)
      } catch (error) {
        this.#onError(error instanceof Error ? error : new Error(String(error)))
      }
    }
  }

  #batches<T>(items: readonly T[], channelOf: (item: T) => string): T[][] {
    const slotOf = this.#slotOf
    if (!slotOf) return inBatches(items)
    const bySlot = new Map<number, T[]>()
    for (const item of items) {
      const slot = slotOf(channelOf(item))
      const group = bySlot.get(slot)
      if (group) group.push(item)
      else bySlot.set(slot, [item])
    }
    return [...bySlot.values()].flatMap(inBatches)
  }
}

function inBatches<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / BATCH) }, (_, at) => {
    return items.slice(at * BATCH, (at + 1) * BATCH)
  })
}
