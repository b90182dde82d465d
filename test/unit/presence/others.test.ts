import { expect } from 'chai'
import { beforeEach, describe, it } from 'mocha'
import { Others } from '../../../server/presence/others.ts'
import { type Living, placeIn } from '../../../server/presence/place.ts'
import { type Entry, entriesOf, joining } from '../../../server/presence/state.ts'
import { View } from '../../../server/presence/view.ts'
import { encodeEntry, encodeStep } from '../../../server/presence/wire.ts'
import { type Redis, RedisUnavailable } from '../../../server/redis/redis.ts'
import { createTelemetry } from '../../../server/telemetry.ts'
import { Queue } from '../../support/queue.ts'
import { entryOf, refsIn } from './arbitraries.ts'

const ROOM = 'room:a'
const [ann, bob, cid] = [1, 2, 3].map((number) => entryOf(number, ROOM, `u${number}`)) as [
  Entry,
  Entry,
  Entry,
]

/** One node's entries being asked for; the test answers. */
interface Reading {
  readonly node: unknown
  answer(seq: number, ...entries: readonly Entry[]): void
  dead(): void
  fail(): void
}

const livingAt = (seqs: Readonly<Record<string, number>>): Living =>
  new Map(Object.entries(seqs).map(([node, seq]) => [node, { leftMs: 10_000, seq }]))

describe('what a node does about the others', () => {
  let others: Others
  let readings: Queue<Reading>
  let view: View
  let gaps: number
  let foreign: number

  beforeEach(() => {
    readings = new Queue<Reading>(({ node }) => `a reading of ${String(node)}`)
    view = new View()
    gaps = 0
    foreign = 0
    const redis: Pick<Redis, 'script'> = {
      script: (_script, _keys, [node]) =>
        new Promise((resolve, reject) => {
          readings.push({
            node,
            answer: (seq, ...entries) => resolve([String(seq), ...entries.map(encodeEntry)]),
            dead: () => resolve(null),
            fail: () => reject(new RedisUnavailable('away')),
          })
        }),
    }
    const telemetry = createTelemetry()
    telemetry.dropped.subscribe(({ count }) => {
      foreign += count
    })
    others = new Others({
      place: placeIn(redis as Redis, 'test'),
      node: 'me',
      telemetry,
      merge: (change) => view.apply(change),
      onGap() {
        gaps += 1
      },
    })
  })

  const known = (): readonly string[] => refsIn(view.entries(ROOM))
  const joined = (node: string, seq: number, ...entries: readonly Entry[]): void =>
    others.message(encodeStep(node, seq, joining(entriesOf(entries))))

  /** A node that is known to be at a step. */
  async function know(node: string, seq: number, ...entries: readonly Entry[]): Promise<void> {
    const looking = others.look(livingAt({ [node]: seq }))
    const reading = await readings.next()
    reading.answer(seq, ...entries)
    await looking
  }

  it('reads a node that it does not know, and takes its steps from there', async () => {
    await know('a', 5, ann)
    joined('a', 6, bob)
    expect(known()).to.deep.equal(refsIn([ann, bob]))
    expect(readings.unclaimed).to.deep.equal([])
  })

  it('takes what comes while a node is read after what was read, if it is newer', async () => {
    const looking = others.look(livingAt({ a: 5 }))
    const reading = await readings.next()
    joined('a', 5, ann)
    joined('a', 6, bob)
    joined('a', 7, cid)
    expect(known()).to.deep.equal([])
    reading.answer(6, ann, bob)
    await looking
    expect(known()).to.deep.equal(refsIn([ann, bob, cid]))
    expect(readings.unclaimed).to.deep.equal([])
  })

  it('reads again where even then a step is missing', async () => {
    const looking = others.look(livingAt({ a: 5 }))
    const reading = await readings.next()
    joined('a', 8, cid)
    reading.answer(6, ann)
    await looking
    const again = await readings.next()
    again.answer(8, ann, cid)
    await know('b', 1)
    expect(known()).to.deep.equal(refsIn([ann, cid]))
  })

  it('believes a node that goes while it is read', async () => {
    const looking = others.look(livingAt({ a: 5 }))
    const reading = await readings.next()
    others.message(encodeStep('a', 5, 'gone'))
    reading.answer(5, ann)
    await looking
    expect(known()).to.deep.equal([])
  })

  it('gives a step that is not there time until the next look', async () => {
    await know('a', 5, ann)
    await others.look(livingAt({ a: 6 }))
    joined('a', 6, bob)
    await others.look(livingAt({ a: 7 }))
    expect(readings.unclaimed).to.deep.equal([])
    void others.look(livingAt({ a: 7 }))
    expect((await readings.next()).node).to.equal('a')
  })

  it('reads at once, where steps may have been missed', async () => {
    await know('a', 5, ann)
    others.gap()
    expect(gaps).to.equal(1)
    void others.look(livingAt({ a: 6 }))
    expect((await readings.next()).node).to.equal('a')
  })

  it('reads at the next look what could not be read, and keeps what it knows until then', async () => {
    await know('a', 5, ann)
    for (const miss of ['fail', 'dead'] as const) {
      others.gap()
      const looking = others.look(livingAt({ a: 6 }))
      const reading = await readings.next()
      joined('a', 6, bob)
      reading[miss]()
      await looking
      expect(known()).to.deep.equal(refsIn([ann]))
    }
    const looking = others.look(livingAt({ a: 6 }))
    const reading = await readings.next()
    reading.answer(6, ann, bob)
    await looking
    expect(known()).to.deep.equal(refsIn([ann, bob]))
  })

  it('buries who does not live, but nobody who came or moved while it asked', async () => {
    await know('dead', 1, ann)
    await know('moved', 1, bob)
    const before = others.seqs()
    joined('moved', 2)
    await know('new', 1, cid)
    others.bury(before, livingAt({}))
    expect(known()).to.deep.equal(refsIn([bob, cid]))
    others.bury(others.seqs(), livingAt({ moved: 2 }))
    expect(known()).to.deep.equal(refsIn([bob]))
  })

  it('ignores its own steps, and counts what is none', () => {
    joined('me', 1, ann)
    others.message(Buffer.from('{"hello":"world"}'))
    others.message(Buffer.from([0xff]))
    expect(readings.unclaimed).to.deep.equal([])
    expect(foreign).to.equal(2)
  })

  it('leaves out what is no entry', async () => {
    const looking = others.look(livingAt({ a: 1 }))
    const reading = await readings.next()
    reading.answer(1, { ...ann, key: 7 as never }, bob)
    await looking
    expect(known()).to.deep.equal(refsIn([bob]))
  })
})
