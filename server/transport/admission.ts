/** How many connections there may be, and how often one may be tried: of the node, of an address, of an id. */
import { clientOf } from '../limits/addresses.ts'
import { type Clock, monotonic } from '../limits/clock.ts'
import { Counts } from '../limits/counts.ts'
import { KeyedBuckets } from '../limits/keyed-buckets.ts'
import type { Rate } from '../limits/token-bucket.ts'

/** What is absent is not limited. */
export interface ConnectLimits {
  /** Of the whole endpoint. */
  readonly maxConnections?: number
  /** Of one client's address; see `clientOf`. */
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

/** The HTTP answers to a connect for which there is no room, by what they are counted as. */
export const CROWDED = {
  node_connections: { status: 503, body: 'too many connections' },
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

/** Keeps count of who is there. Every connection that has `entered` has to have `left`. */
export class Admission {
  readonly #limits: ConnectLimits
  readonly #connections: { readonly size: number }
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

  /** The key under which an address is counted; undefined for one that is not. */
  clientOf(address: string): string | undefined {
    return this.#limits.isExempt?.(address) ? undefined : clientOf(address)
  }

  /** Before the app is asked: counts the attempt. Undefined: there is room. */
  screen(client: string | undefined): Crowded | undefined {
    const isQuiet = client === undefined || (this.#connects?.take(client, this.#now()) ?? true)
    return isQuiet ? this.review(client, null) : crowded('address_connects')
  }

  /** When the app has let it in, under this id: others may have come meanwhile. */
  review(client: string | undefined, id: string | null | undefined): Crowded | undefined {
    const { maxConnections, maxConnectionsPerAddress, maxConnectionsPerId } = this.#limits
    if (this.#connections.size >= (maxConnections ?? Infinity)) return crowded('node_connections')
    if (client && this.#addresses.of(client) >= (maxConnectionsPerAddress ?? Infinity)) {
      return crowded('address_connections')
    }
    const isFull = id && this.#ids.of(id) >= (maxConnectionsPerId ?? Infinity)
    return isFull ? crowded('id_connections') : undefined
  }

  entered(client: string | undefined, id: string | null | undefined): void {
    if (client !== undefined) this.#addresses.add(client)
    if (id) this.#ids.add(id)
  }

  left(client: string | undefined, id: string | null | undefined): void {
    if (client !== undefined) this.#addresses.remove(client)
    if (id) this.#ids.remove(id)
  }

  /** From time to time: forgets addresses that have been quiet. */
  sweep(): void {
    this.#connects?.sweep(this.#now())
  }
}
