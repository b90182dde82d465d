import { type Living, livingOf, type Place } from './place.ts'
import { BEAT, LEAVE, WRITE } from './scripts.ts'
import { type Change, type Entries, Gathered, joining } from './state.ts'
import { encodeEntry, encodeStep } from './wire.ts'

/**
 * This node's entries in Redis, under its lease. One call at a time. Where a call rejects, what Redis has is
 * unknown, and the next `write` writes all anew.
 */
export class OwnEntries {
  readonly #place: Place
  readonly #node: string
  readonly #keys: readonly [nodes: string, entries: string]
  readonly #leaseMs: number
  readonly #all: () => Entries
  readonly #changes = new Gathered()
  /** The last step tried. */
  #seq = 0
  /** Redis may lack what the steps so far led to. */
  #isLost = true
  /** The others may not have heard of the last step. */
  #isUntold = false

  /** `all` tells all entries as they are. */
  constructor(place: Place, node: string, leaseMs: number, all: () => Entries) {
    this.#place = place
    this.#node = node
    this.#keys = [place.nodes, place.entries(node)]
    this.#leaseMs = leaseMs
    this.#all = all
  }

  /** Called after `all` knows of it. */
  changed(change: Change): void {
    this.#changes.add(change)
  }

  /** Whether there is something to write or to tell. */
  get isDue(): boolean {
    return this.#isLost || this.#isUntold || !this.#changes.isEmpty
  }

  /** Writes what is due. False: Redis has lost the steps before. */
  async write(): Promise<boolean> {
    if (this.#isLost || !this.#changes.isEmpty) {
      if (!(await this.#step())) return false
    } else if (this.#isUntold) await this.#tell('moved')
    return true
  }

  /** Renews the lease and returns who else lives; undefined: Redis has lost the steps before. */
  async renew(): Promise<Living | undefined> {
    const args = [this.#node, this.#leaseMs, this.#seq]
    const answer = await this.#place.redis.script(BEAT, this.#keys, args)
    if (answer !== null) return livingOf(answer)
    this.#isLost = true
    return undefined
  }

  /** Leaves for good. */
  async leave(): Promise<void> {
    await this.#place.redis.script(LEAVE, this.#keys, [this.#node])
    await this.#tell('gone')
  }

  async #step(): Promise<boolean> {
    const gathered = this.#changes.take()
    const change = this.#isLost ? joining(this.#all()) : gathered
    const before = this.#isLost ? '' : this.#seq
    this.#seq += 1
    const what = this.#isLost ? 'moved' : change
    const args = [this.#node, this.#leaseMs, this.#seq, before, ...fieldsOf(change)]
    // Until Redis has said that it has it.
    this.#isLost = true
    this.#isUntold = true
    if ((await this.#place.redis.script(WRITE, this.#keys, args)) !== 1) return false
    this.#isLost = false
    await this.#tell(what)
    return true
  }

  async #tell(what: Change | 'moved' | 'gone'): Promise<void> {
    const step = encodeStep(this.#node, this.#seq, what)
    await this.#place.redis.publish(this.#place.channel, step)
    this.#isUntold = false
  }
}

/** As WRITE wants them: who joined, then who left. */
function fieldsOf({ joined, left }: Change): string[] {
  const fields: string[] = []
  for (const [ref, entry] of joined) fields.push(ref, encodeEntry(entry))
  for (const ref of left.keys()) fields.push(ref, '')
  return fields
}
