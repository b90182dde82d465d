import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { Peers } from '../../../server/presence/peers.ts'
import { between, type Entry, entriesOf } from '../../../server/presence/state.ts'
import { View } from '../../../server/presence/view.ts'
import type { Step } from '../../../server/presence/wire.ts'
import { entryOf, refsIn } from './arbitraries.ts'

const ROOM = 'room:a'

/** A node's life: what it has after each of its steps. Step 1 is the first. */
interface Life {
  readonly node: string
  readonly states: readonly (readonly Entry[])[]
}

const anyLife = (number: number): fc.Arbitrary<Life> => {
  const own = Array.from({ length: 6 }, (_, at) => entryOf(number * 10 + at, ROOM, `u${at % 3}`))
  return fc
    .array(fc.subarray(own), { minLength: 1, maxLength: 8 })
    .map((states) => ({ node: `node-${number}`, states }))
}

const lives = fc.tuple(anyLife(1), anyLife(2), anyLife(3))

function stepsOf({ node, states }: Life): readonly Step[] {
  return states.map((state, at) => {
    const { joined, left } = between(entriesOf(states[at - 1] ?? []), entriesOf(state))
    return { node, seq: at + 1, what: { joined: [...joined.values()], left: [...left.keys()] } }
  })
}

/** Any order, with steps that are lost and steps that come twice. */
const delivery = lives.chain((all) => {
  const steps = all.flatMap(stepsOf)
  const doubled = [...steps, ...steps]
  return fc.shuffledSubarray(doubled).map((delivered) => ({ lives: all, delivered }))
})

function knowing(): { readonly peers: Peers; readonly entries: () => readonly string[] } {
  const view = new View()
  const peers = new Peers((change) => {
    for (const ref of change.joined.keys()) expect(known().has(ref), `${ref} twice`).to.equal(false)
    for (const ref of change.left.keys()) expect(known().has(ref), `${ref} gone`).to.equal(true)
    view.apply(change)
  })
  const known = () => entriesOf(view.entries(ROOM))
  return { peers, entries: () => refsIn(view.entries(ROOM)) }
}

/** What the nodes have in the end. */
const lastOf = (all: readonly Life[]): readonly string[] =>
  refsIn(all.flatMap(({ states }) => states.at(-1) ?? []))

describe('what a node knows of its peers', () => {
  it('is what they have, however their steps are shuffled, lost and doubled, once gaps are read', () => {
    const property = fc.property(delivery, ({ lives: all, delivered }) => {
      const { peers, entries } = knowing()
      const readAt = ({ node, states }: Life, seq: number): void =>
        peers.replace(node, seq, entriesOf(states[seq - 1] ?? []))
      const lifeOf = (node: string) => all.find((life) => life.node === node) as Life
      for (const step of delivered) {
        if (!peers.take(step)) readAt(lifeOf(step.node), step.seq)
      }
      for (const life of all) readAt(life, life.states.length)
      expect(entries()).to.deep.equal(lastOf(all))
    })
    fc.assert(property, { numRuns: 500 })
  })

  it('needs no reading where every step comes, in order, from the first on', () => {
    const property = fc.property(lives, (all) => {
      const { peers, entries } = knowing()
      for (const { node } of all) peers.replace(node, 0, new Map())
      for (const step of all.flatMap(stepsOf)) expect(peers.take(step)).to.equal(true)
      expect(entries()).to.deep.equal(lastOf(all))
    })
    fc.assert(property)
  })

  it('is never set back by an older reading', () => {
    const { peers, entries } = knowing()
    const [older, newer] = [entryOf(1, ROOM, 'u1'), entryOf(2, ROOM, 'u1')]
    peers.replace('a', 7, entriesOf([newer]))
    peers.replace('a', 6, entriesOf([older]))
    expect(entries()).to.deep.equal(refsIn([newer]))
    expect(peers.take({ node: 'a', seq: 6, what: 'moved' })).to.equal(true)
  })

  it('has to be read after a step that tells nothing but that it was taken', () => {
    const { peers } = knowing()
    peers.replace('a', 1, new Map())
    expect(peers.take({ node: 'a', seq: 2, what: 'moved' })).to.equal(false)
    expect(peers.take({ node: 'b', seq: 1, what: { joined: [], left: [] } })).to.equal(false)
  })

  it('ends with a node that goes or is dropped, and with that node alone', () => {
    const { peers, entries } = knowing()
    const [a, b, c] = [1, 2, 3].map((number) => entryOf(number, ROOM, 'u1')) as [
      Entry,
      Entry,
      Entry,
    ]
    peers.replace('a', 1, entriesOf([a]))
    peers.replace('b', 1, entriesOf([b]))
    peers.replace('c', 1, entriesOf([c]))
    expect(peers.take({ node: 'a', seq: 1, what: 'gone' })).to.equal(true)
    peers.drop('b')
    peers.drop('b')
    expect(peers.take({ node: 'nobody', seq: 1, what: 'gone' })).to.equal(true)
    expect(entries()).to.deep.equal(refsIn([c]))
    expect(peers.seqs()).to.deep.equal(new Map([['c', 1]]))
  })
})
