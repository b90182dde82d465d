import fc from 'fast-check'
import type { Entry } from '../../../server/presence/state.ts'

/** An entry that no other with another number is equal to. */
export const entryOf = (number: number, topic: string, key: string): Entry => ({
  topic,
  key,
  meta: { phx_ref: `ref-${number}`, number },
})

const topic = fc.constantFrom('room:a', 'room:b', '__proto__')
const key = fc.constantFrom('u1', 'u2', '__proto__', 'constructor', '')

/** Which entries they are, in an order that does not matter. */
export const refsIn = (all: Iterable<Entry>): readonly string[] =>
  [...all].map(({ meta }) => meta.phx_ref).sort()

/** Entries with refs from 0 on. */
export const entries = fc
  .array(fc.tuple(topic, key), { maxLength: 12 })
  .map((places): readonly Entry[] => places.map(([at, name], number) => entryOf(number, at, name)))
