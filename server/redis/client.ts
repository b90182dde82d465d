import type { Argument } from './link.ts'
import type { RedisNode } from './node.ts'
import {
  type Redis,
  type RedisStats,
  type RedisSubscriber,
  RedisUnavailable,
  type Script,
} from './redis.ts'
import { evalScript, runScript } from './script.ts'

/** What is to be done on a node. `once`: it takes one command, no second one, as the slot is still another's. */
export type Act<T> = (node: RedisNode, once: boolean) => Promise<T>

/** Which servers there are, and which of them has what. */
export interface Topology {
  readonly isUp: boolean
  readonly nodes: Iterable<RedisNode>
  readonly subscriber: RedisSubscriber
  /** Does something on the node that has a key or channel. */
  on<T>(key: string | Buffer, act: Act<T>): Promise<T>
  /** Does something on every node that has keys. */
  onEvery<T>(act: (node: RedisNode) => Promise<T>): Promise<readonly T[]>
  close(): Promise<void>
}

/** A Redis that stands alone has everything. */
export function standalone(node: RedisNode): Topology {
  return {
    get isUp() {
      return node.commands.isUp
    },
    nodes: [node],
    subscriber: node.subscriber,
    on: (_key, act) => act(node, false),
    onEvery: async (act) => [await act(node)],
    close: () => node.close(),
  }
}

export class RedisClient implements Redis {
  readonly isSharded: boolean
  readonly #topology: Topology
  #isClosed = false

  constructor(topology: Topology, isSharded: boolean) {
    this.#topology = topology
    this.isSharded = isSharded
  }

  get subscriber(): RedisSubscriber {
    return this.#topology.subscriber
  }

  get up(): boolean {
    return this.#topology.isUp
  }

  get stats(): RedisStats {
    const nodes = [...this.#topology.nodes]
    const sum = (of: (node: RedisNode) => number) => nodes.reduce((all, node) => all + of(node), 0)
    return {
      reconnects: sum(({ reconnects }) => reconnects),
      subscriptions: sum(({ subscriber }) => subscriber.size),
      publishQueue: sum(({ publisher }) => publisher.size),
    }
  }

  script(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    return this.#on(keys[0], ({ commands }, once) =>
      once ? evalScript(commands, script, keys, args) : runScript(commands, script, keys, args),
    )
  }

  /** In upper case: for some in lower case the library changes the reply. */
  command(name: string, ...args: readonly Argument[]): Promise<unknown> {
    const [key] = args
    const routedBy = typeof key === 'number' ? String(key) : key
    return this.#on(routedBy, (node) => node.commands.call(name.toUpperCase(), args))
  }

  async everywhere(name: string, ...args: readonly Argument[]): Promise<readonly unknown[]> {
    if (this.#isClosed) throw new RedisUnavailable('closed')
    return await this.#topology.onEvery((node) => node.commands.call(name.toUpperCase(), args))
  }

  publish(channel: string, data: Buffer): Promise<void> {
    return this.#on(channel, (node) => node.publisher.publish(channel, data))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#topology.close()
  }

  async #on<T>(key: string | Buffer = '', act: Act<T>): Promise<T> {
    if (this.#isClosed) throw new RedisUnavailable('closed')
    return await this.#topology.on(key, act)
  }
}
