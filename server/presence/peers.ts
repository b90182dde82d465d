import { between, type Change, type Entries, type Entry, leaving } from './state.ts'
import type { Step, StepChange } from './wire.ts'

interface Peer {
  /** The last step that is known. */
  seq: number
  readonly entries: Map<string, Entry>
}

/**
 * What this node knows of the others. Steps may come late, twice, in any order or not at all: one that does
 * not follow on the last known is not taken, and the node it came from has to be read whole.
 */
export class Peers {
  readonly #peers = new Map<string, Peer>()
  readonly #merge: (change: Change) => void

  /** `merge` is told of each change of what is known. */
  constructor(merge: (change: Change) => void) {
    this.#merge = merge
  }

  /** The nodes with the last known step of each, as they are now. */
  seqs(): ReadonlyMap<string, number> {
    return new Map([...this.#peers].map(([node, { seq }]) => [node, seq]))
  }

  seqOf(node: string): number | undefined {
    return this.#peers.get(node)?.seq
  }

  /** False: something before it is missing. */
  take({ node, seq, what }: Step): boolean {
    if (what === 'gone') {
      this.drop(node)
      return true
    }
    const peer = this.#peers.get(node)
    if (peer && seq <= peer.seq) return true
    if (!peer || seq !== peer.seq + 1 || what === 'moved') return false
    peer.seq = seq
    this.#merge(step(peer.entries, what))
    return true
  }

  /** All of a node's entries, as they were after its step `seq`. */
  replace(node: string, seq: number, entries: Entries): void {
    const peer = this.#peers.get(node)
    if (peer && seq <= peer.seq) return
    this.#peers.set(node, { seq, entries: new Map(entries) })
    this.#merge(between(peer?.entries ?? new Map(), entries))
  }

  /** The node is no more, and its entries with it. */
  drop(node: string): void {
    const peer = this.#peers.get(node)
    if (!peer) return
    this.#peers.delete(node)
    this.#merge(leaving(peer.entries))
  }
}

/** Takes a step in `entries`, and returns what it changed. */
function step(entries: Map<string, Entry>, { joined, left }: StepChange): Change {
  const gone = new Map<string, Entry>()
  for (const ref of left) {
    const entry = entries.get(ref)
    if (!entry) continue
    gone.set(ref, entry)
    entries.delete(ref)
  }
  const come = new Map(joined.map((entry) => [entry.meta.phx_ref, entry]))
  for (const [ref, entry] of come) entries.set(ref, entry)
  return { joined: come, left: gone }
}
