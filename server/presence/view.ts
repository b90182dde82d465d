import type { Change, Entry } from './state.ts'

/** All entries that a node knows of, its own and those of others, by topic. */
export class View {
  readonly #topics = new Map<string, Map<string, Entry>>()

  apply({ joined, left }: Change): void {
    for (const [ref, { topic }] of left) {
      const entries = this.#topics.get(topic)
      if (entries?.delete(ref) && entries.size === 0) this.#topics.delete(topic)
    }
    for (const [ref, entry] of joined) {
      const entries = this.#topics.get(entry.topic)
      if (entries) entries.set(ref, entry)
      else this.#topics.set(entry.topic, new Map([[ref, entry]]))
    }
  }

  /** Of one topic, in no particular order. */
  entries(topic: string): Iterable<Entry> {
    return this.#topics.get(topic)?.values() ?? []
  }
}
