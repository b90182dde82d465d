import type { Redis } from '../redis/redis.ts'

/** Where in Redis presence is. The braces keep it in one slot of a cluster: scripts need that. */
export interface Place {
  readonly redis: Redis
  /** Key of the nodes that live. */
  readonly nodes: string
  /** Channel of the steps of all nodes. */
  readonly channel: string
  /** Key of one node's entries. */
  entries(node: string): string
}

export function placeIn(redis: Redis, prefix: string): Place {
  const base = `${prefix}:{presence}`
  return {
    redis,
    nodes: `${base}/nodes`,
    channel: base,
    entries: (node) => `${base}/entries/${node}`,
  }
}

/** What Redis keeps of a node, beside its entries. */
export interface Life {
  /** How much of its lease is left, in milliseconds. */
  readonly leftMs: number
  /** Its last step. */
  readonly seq: number
}

/** The nodes that live, by id. */
export type Living = ReadonlyMap<string, Life>

/** What BEAT answers. */
export function livingOf(answer: unknown): Living {
  const flat = answer as readonly (string | number)[]
  const living = new Map<string, Life>()
  for (let at = 0; at + 2 < flat.length; at += 3) {
    living.set(String(flat[at]), { leftMs: Number(flat[at + 1]), seq: Number(flat[at + 2]) })
  }
  return living
}
