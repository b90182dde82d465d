import type { Act, Topology } from './client.ts'
import type { RedisNode } from './node.ts'
import { type ChannelListener, type RedisSubscriber, RedisUnavailable } from './redis.ts'
import { SLOTS, slotOf } from './slot.ts'
import { type Redirect, readMasters, readRedirect } from './slot-owners.ts'
import { Subscriber } from './subscriber.ts'
import { nameOf, type RedisAddress } from './url.ts'

/** How often it is asked who has which slots, beside whenever a connection comes or goes. */
const REFRESH_MS = 2000
/** How often one command is sent elsewhere, while slots move. */
const MAX_REDIRECTS = 3

export interface NodeEvents {
  readonly onError: (error: Error) => void
  readonly onChange: () => void
}

export interface ClusterOptions {
  /** Whom to ask first; they stay connected. */
  readonly seeds: readonly RedisAddress[]
  readonly open: (address: RedisAddress, events: NodeEvents) => RedisNode
  readonly onError: (error: Error) => void
}

/**
 * The masters of a Redis Cluster, each with connections of its own: what becomes of one does not touch the
 * others. A key and a channel are at the master that has their slot.
 */
export class RedisCluster implements Topology, RedisSubscriber {
  readonly #options: ClusterOptions
  readonly #nodes = new Map<string, RedisNode>()
  readonly #seeds: ReadonlySet<string>
  /** By slot, the name of its master. */
  readonly #owners = new Array<string | undefined>(SLOTS)
  #masters: ReadonlySet<string> = new Set()
  readonly #nowhere = { isUp: false, isDown: false, call: () => Promise.reject(unknownMaster()) }
  /** Keeps the channels whose slot is not known to be anybody's. */
  readonly #homeless: Subscriber
  readonly #refreshes: NodeJS.Timeout
  readonly #begun: Promise<void>
  #refreshing: Promise<void> | undefined
  /** What was answered last. */
  #answer = ''
  #isClosed = false

  constructor(options: ClusterOptions) {
    this.#options = options
    this.#homeless = new Subscriber(this.#nowhere, { slotOf, onError: options.onError })
    this.#seeds = new Set(options.seeds.map(nameOf))
    for (const seed of options.seeds) this.#node(seed)
    this.#begun = this.#refresh().finally(() => {
      this.#nowhere.isDown = true
      this.#homeless.lost()
    })
    this.#refreshes = setInterval(() => void this.#refresh(), REFRESH_MS)
  }

  get nodes(): Iterable<RedisNode> {
    return this.#nodes.values()
  }

  get subscriber(): RedisSubscriber {
    return this
  }

  /** Whether all masters are there. */
  get isUp(): boolean {
    return this.#everyMaster((node) => node.commands.isUp)
  }

  get up(): boolean {
    return this.#everyMaster((node) => node.subscriber.up)
  }

  /** What is redirected did nothing where it was sent to. */
  async on<T>(key: string | Buffer, act: Act<T>): Promise<T> {
    await this.#begun
    const slot = slotOf(key)
    let node = this.#ownerOf(slot)
    let once = false
    for (let redirects = 0; node && redirects <= MAX_REDIRECTS; redirects++) {
      try {
        // For the next command on this connection, which `act` sends at once.
        if (once) void node.commands.call('ASKING').catch(() => {})
        return await act(node, once)
      } catch (error) {
        const redirect = readRedirect(error)
        if (!redirect) throw error
        node = this.#follow(redirect)
        once = !redirect.isMoved
      }
    }
    throw unknownMaster()
  }

  async onEvery<T>(act: (node: RedisNode) => Promise<T>): Promise<readonly T[]> {
    await this.#begun
    const nodes = [...this.#masters].flatMap((name) => this.#nodes.get(name) ?? [])
    if (nodes.length === 0) throw new RedisUnavailable('no master is known')
    return await Promise.all(nodes.map(act))
  }

  subscribe(channel: string, listener: ChannelListener): Promise<void> | undefined {
    return this.#subscriberOf(channel).subscribe(channel, listener)
  }

  unsubscribe(channel: string, listener: ChannelListener): void {
    this.#subscriberOf(channel).unsubscribe(channel, listener)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#refreshes)
    // What was published before comes first.
    await this.#begun
    this.#homeless.close()
    await Promise.all([...this.#nodes.values()].map((node) => node.close()))
  }

  #everyMaster(is: (node: RedisNode) => boolean): boolean {
    const nodes = [...this.#masters].map((name) => this.#nodes.get(name))
    return nodes.length > 0 && nodes.every((node) => node !== undefined && is(node))
  }

  #ownerOf(slot: number): RedisNode | undefined {
    return this.#nodes.get(this.#owners[slot] ?? '')
  }

  #subscriberOf(channel: string): Subscriber {
    return this.#ownerOf(slotOf(channel))?.subscriber ?? this.#homeless
  }

  #node(address: RedisAddress): RedisNode {
    const name = nameOf(address)
    const known = this.#nodes.get(name)
    if (known) return known
    const node = this.#options.open(address, {
      onError: (error) => this.#failed(error),
      onChange: () => void this.#refresh(),
    })
    this.#nodes.set(name, node)
    return node
  }

  #follow({ slot, address, isMoved }: Redirect): RedisNode {
    const node = this.#node(address)
    if (isMoved) this.#learn(slot, address)
    return node
  }

  /** A SSUBSCRIBE can be redirected too. */
  #failed(error: Error): void {
    const redirect = readRedirect(error)
    if (redirect) this.#learn(redirect.slot, redirect.address)
    else this.#options.onError(error)
  }

  #refresh(): Promise<void> {
    this.#refreshing ??= this.#askOwners().finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  /** Asks the nodes that are there, in turn, until one knows. */
  async #askOwners(): Promise<void> {
    for (const [name, { commands }] of this.#nodes) {
      if (commands.isDown) continue
      const reply = await commands.call('CLUSTER', ['SLOTS']).catch((error: Error) => error)
      if (reply instanceof Error) {
        if (!(reply instanceof RedisUnavailable)) this.#options.onError(reply)
      } else if (this.#apply(name, reply)) return
    }
  }

  /** Whether the answer of `asked` names masters. */
  #apply(asked: string, reply: unknown): boolean {
    const masters = readMasters(reply, asked)
    if (masters.length === 0 || this.#isClosed) return false
    const answer = JSON.stringify(masters)
    if (answer === this.#answer) return true
    this.#answer = answer
    this.#owners.fill(undefined)
    for (const { from, to, address } of masters) {
      this.#node(address)
      this.#owners.fill(nameOf(address), from, to + 1)
    }
    this.#settle()
    return true
  }

  /** One slot has another master: so may others, which the next refresh will tell. */
  #learn(slot: number, address: RedisAddress): void {
    if (this.#isClosed) return
    this.#node(address)
    this.#owners[slot] = nameOf(address)
    this.#answer = ''
    this.#settle()
  }

  /** Channels go to the masters of their slots; nodes that have none are left, but for the seeds. */
  #settle(): void {
    this.#masters = new Set(this.#owners.filter((name) => name !== undefined))
    const subscribers = [...this.#nodes.values()].map(({ subscriber }) => subscriber)
    for (const subscriber of [this.#homeless, ...subscribers]) {
      const isElsewhere = (channel: string): boolean => this.#subscriberOf(channel) !== subscriber
      for (const released of subscriber.release(isElsewhere)) {
        this.#subscriberOf(released.channel).adopt(released)
      }
    }
    for (const [name, node] of this.#nodes) {
      if (this.#masters.has(name) || this.#seeds.has(name)) continue
      this.#nodes.delete(name)
      void node.close()
    }
  }
}

function unknownMaster(): RedisUnavailable {
  return new RedisUnavailable('no master is known for this key')
}
