import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { Presence as Client } from 'phoenix'
import type { PresenceDiff, Presences } from '../../../server/presence/presence.ts'
import {
  between,
  byTopic,
  type Change,
  diffOf,
  type Entry,
  entriesOf,
  Gathered,
  joining,
  leaving,
  presencesOf,
} from '../../../server/presence/state.ts'
import { View } from '../../../server/presence/view.ts'
import { entries, entryOf, refsIn } from './arbitraries.ts'

const ROOM = 'room:a'

/** Steps from one set of entries to the next: each is what is there after it. */
const history = entries.chain((all) =>
  fc.array(fc.subarray([...all]), { minLength: 1, maxLength: 6 }).map((states) => states),
)

function stepsOf(states: readonly (readonly Entry[])[]): readonly Change[] {
  return states.map((state, at) => between(entriesOf(states[at - 1] ?? []), entriesOf(state)))
}

/** As a client holds it, in an order of its own: by key, the refs. */
function refsOf(presences: object): Record<string, readonly string[]> {
  const refs: Record<string, readonly string[]> = Object.create(null)
  for (const [key, { metas }] of Object.entries(presences as Presences)) {
    refs[key] = metas.map(({ phx_ref }) => phx_ref).sort()
  }
  return refs
}

const viewOf = (changes: readonly Change[]): View => {
  const view = new View()
  for (const change of changes) view.apply(change)
  return view
}

describe('presence state', () => {
  it('leads from one set of entries to another', () => {
    const [a, b, c] = [1, 2, 3].map((number) => entryOf(number, ROOM, 'u1')) as [
      Entry,
      Entry,
      Entry,
    ]
    const change = between(entriesOf([a, b]), entriesOf([b, c]))
    expect([...change.joined.values()]).to.deep.equal([c])
    expect([...change.left.values()]).to.deep.equal([a])
  })

  it('groups metas by key in what clients see, whatever the keys are', () => {
    fc.assert(
      fc.property(entries, (all) => {
        const presences = presencesOf(all)
        expect(Object.keys(presences).sort()).to.deep.equal(
          [...new Set(all.map((e) => e.key))].sort(),
        )
        for (const [key, { metas }] of Object.entries(presences)) {
          expect(metas).to.deep.equal(all.filter((e) => e.key === key).map((e) => e.meta))
        }
        const sent: unknown = JSON.parse(JSON.stringify(presences))
        expect(refsOf(sent as object)).to.deep.equal(refsOf(presences))
      }),
    )
  })

  it('splits a change into one for each topic, and nothing is lost or doubled', () => {
    fc.assert(
      fc.property(entries, entries, (joined, others) => {
        const left = others.map((e, at) => entryOf(100 + at, e.topic, e.key))
        const change = { joined: entriesOf(joined), left: entriesOf(left) }
        const parts = byTopic(change)
        for (const [topic, part] of parts) {
          for (const entry of [...part.joined.values(), ...part.left.values()]) {
            expect(entry.topic).to.equal(topic)
          }
        }
        const count = (side: 'joined' | 'left') =>
          [...parts.values()].reduce((sum, part) => sum + part[side].size, 0)
        expect([count('joined'), count('left')]).to.deep.equal([joined.length, left.length])
      }),
    )
  })

  it('a list to which a client applies the diffs is the list of what they led to', () => {
    fc.assert(
      fc.property(history, (states) => {
        const inRoom = states.map((state) => state.filter(({ topic }) => topic === ROOM))
        const diffs = stepsOf(inRoom).map(diffOf)
        const client = diffs.reduce<object>(
          (list, diff: PresenceDiff) => Client.syncDiff(list, diff),
          {},
        )
        expect(refsOf(client)).to.deep.equal(refsOf(presencesOf(inRoom.at(-1) ?? [])))
      }),
    )
  })

  it('changes gathered into one lead where they lead one by one', () => {
    fc.assert(
      fc.property(history, fc.nat(), (states, some) => {
        const steps = stepsOf(states)
        const at = some % (steps.length + 1)
        const gathered = new Gathered()
        for (const step of steps.slice(at)) gathered.add(step)
        const before = steps.slice(0, at)
        const view = viewOf([...before, gathered.take()])
        for (const topic of ['room:a', 'room:b', '__proto__']) {
          const there = (states.at(-1) ?? []).filter((entry) => entry.topic === topic)
          expect(refsIn(view.entries(topic))).to.deep.equal(refsIn(there))
        }
        expect(gathered.isEmpty).to.equal(true)
      }),
    )
  })

  it('who came and went, or went and came back, is in no gathered change', () => {
    const entry = entriesOf([entryOf(1, ROOM, 'u1')])
    for (const steps of [
      [joining(entry), leaving(entry)],
      [leaving(entry), joining(entry)],
    ]) {
      const gathered = new Gathered()
      for (const step of steps) gathered.add(step)
      expect(gathered.isEmpty).to.equal(true)
    }
  })
})
