/**
 * How many connections there may be, by whatever transport, and how often one may be tried: of the node, of an
 * address, of an id.
 */
import { clientKey } from '../limits/addresses.ts'
import { type Clock, monotonic } from '../limits/clock.ts'
import { Counts } from '../limits/counts.ts'
import { KeyedBuckets } from '../limits/keyed-buckets.ts'
import type { Rate } from '../limits/token-bucket.ts'

export type Transport = 'websocket' | 'longpoll'

/** What is absent is not limited. */
export interface ConnectLimits {
  /** Of the whole endpoint. */
  readonly maxConnections?: number
  /** How many of these by long-polling: it takes no open TCP connection to have one, and each broadcast costs more. */
  readonly maxLongPollSessions?: number
  /** Of one client's address; see `clientKey`. */
  readonly maxConnectionsPerAddress?: number
  /** Tried from one client's address, whatever comes of them. */
  readonly connectsPerAddress?: Rate
  /** Addresses that none of these holds for; without it, each is counted. */
  readonly isExempt?: (address: string) => boolean
  /** Of one socket id: of one operator, where ids are made from tokens. */
  readonly maxConnectionsPerId?: number
  /** The machine's own unless told. */
  readonly now?: Clock
}

/** A client as it is counted. */
export interface Client {
  readonly transport: Transport
  /** What stands for its address, as `clientKey` says; undefined: one that is exempt. */
  readonly address: string | undefined
  /** Its attempt is counted already. */
  readonly isCharged?: boolean
}

/** The HTTP answers to a connect for which there is no room, by what they are counted as. */
export const CROWDED = {
  node_connections: { status: 503, body: 'too many connections' },
  sessions: { status: 503, body: 'too many long-poll sessions' },
  address_connects: { status: 429, body: 'too many connects from this address' },
  address_connections: { status: 429, body: 'too many connections from this address' },
  id_connections: { status: 429, body: 'too many connections of this operator' },
} as const

export interface Crowded {
  readonly kind: 'refuse'
  readonly reason: keyof typeof CROWDED
  readonly status: number
  readonly body: string
}

const crowded = (reason: Crowded['reason']): Crowded => ({
  kind: 'refuse',
  reason,
  ...CROWDED[reason],
})

/** Whether a verdict on a connect is one of these. */
export const isCrowded = (verdict: { readonly kind: string }): boolean =>
  'reason' in verdict && Object.hasOwn(CROWDED, String(verdict.reason))

const isFull = (there: number, most = Infinity): boolean => there >= most

/** Keeps count of who is there. Every connection that has `entered` has to have `left`. */
export class Admission {
  readonly #limits: ConnectLimits
  readonly #connections: { readonly size: number }
  #sessions = 0
  readonly #addresses = new Counts()
  readonly #ids = new Counts()
  readonly #connects: KeyedBuckets | undefined
  readonly #now: Clock

  /** `connections` are those of the endpoint. */
  constructor(limits: ConnectLimits, connections: { readonly size: number }) {
    this.#limits = limits
    this.#connections = connections
    const { connectsPerAddress, now = monotonic } = limits
    this.#now = now
    this.#connects = connectsPerAddress && new KeyedBuckets(connectsPerAddress)
  }

  /** How many keys are kept: of addresses that are there or were a moment ago, and of ids. */
  get size(): number {
    return this.#addresses.size + this.#ids.size + (this.#connects?.size ?? 0)
  }

  /** Whoever connects from an address, in its canonical form. */
  client(transport: Transport, address: string): Client {
    const isExempt = this.#limits.isExempt?.(address) ?? false
    return { transport, address: isExempt ? undefined : clientKey(address) }
  }

  /** Before the app is asked: counts the attempt. Undefined: there is room. */
  screen(client: Client): Crowded | undefined {
    const { address, isCharged = false } = client
    const isQuiet =
      isCharged || address === undefined || (this.#connects?.take(address, this.#now()) ?? true)
    return isQuiet ? this.review(client, null) : crowded('address_connects')
  }

  /** Whether it may try to connect now. Counts nothing. */
  mayTry({ address }: Client): boolean {
    return address === undefined || (this.#connects?.has(address, this.#now()) ?? true)
  }

  /** Counts an attempt that has cost something already. False: it was one too many, and those to come are fewer. */
  charge({ address }: Client): boolean {
    return address === undefined || (this.#connects?.charge(address, this.#now()) ?? true)
  }

  /** When the app has let it in, under this id: others may have come meanwhile. */
  review({ transport, address }: Client, id: string | null | undefined): Crowded | undefined {
    const limits = this.#limits
    if (isFull(this.#connections.size, limits.maxConnections)) return crowded('node_connections')
    if (transport === 'longpoll' && isFull(this.#sessions, limits.maxLongPollSessions)) {
      return crowded('sessions')
    }
    if (address && isFull(this.#addresses.of(address), limits.maxConnectionsPerAddress)) {
      return crowded('address_connections')
    }
    if (id && isFull(this.#ids.of(id), limits.maxConnectionsPerId)) return crowded('id_connections')
    return undefined
  }

  entered({ transport, address }: Client, id: string | null | undefined): void {
    if (transport === 'longpoll') this.#sessions += 1
    if (address !== undefined) this.#addresses.add(address)
    if (id) this.#ids.add(id)
  }

  left({ transport, address }: Client, id: string | null | undefined): void {
    if (transport === 'longpoll') this.#sessions -= 1
    if (address !== undefined) this.#addresses.remove(address)
    if (id) this.#ids.remove(id)
  }

  /** From time to time: forgets addresses that have been quiet. */
  sweep(): void {
    this.#connects?.sweep(this.#now())
  }
}
