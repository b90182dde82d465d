import { expect } from 'chai'
import { beforeEach, describe, it } from 'mocha'
import { OwnEntries } from '../../../server/presence/own-entries.ts'
import { placeIn } from '../../../server/presence/place.ts'
import { WRITE } from '../../../server/presence/scripts.ts'
import { type Entry, entriesOf, joining, leaving } from '../../../server/presence/state.ts'
import { decodeStep, encodeEntry } from '../../../server/presence/wire.ts'
import { type Redis, RedisUnavailable } from '../../../server/redis/redis.ts'
import { rejectionMessage } from '../../support/rejection.ts'
import { entryOf } from './arbitraries.ts'

const [ann, bob] = [1, 2].map((number) => entryOf(number, 'room:a', `u${number}`)) as [Entry, Entry]
const field = (entry: Entry) => [entry.meta.phx_ref, encodeEntry(entry)]
const gone = (entry: Entry) => [entry.meta.phx_ref, '']

describe('what a node tells Redis of its own entries', () => {
  let all: Entry[]
  let own: OwnEntries
  /** The arguments after node and lease. */
  let written: unknown[][]
  let told: unknown[]
  let answer: () => Promise<unknown>
  let publish: () => Promise<void>

  beforeEach(async () => {
    all = []
    written = []
    told = []
    answer = async () => 1
    publish = async () => {}
    const redis: Pick<Redis, 'script' | 'publish'> = {
      script(script, _keys, [, , ...args]) {
        if (script === WRITE) written.push(args)
        return answer()
      },
      async publish(_channel, data) {
        await publish()
        told.push(decodeStep(data))
      },
    }
    own = new OwnEntries(placeIn(redis as Redis, 'test'), 'me', 15_000, () => entriesOf(all))
    await own.write()
    written = []
    told = []
  })

  /** Something comes, or goes. */
  function come(entry: Entry): void {
    all.push(entry)
    own.changed(joining(entriesOf([entry])))
  }
  function go(entry: Entry): void {
    all = all.filter((each) => each !== entry)
    own.changed(leaving(entriesOf([entry])))
  }
  const unavailable = (): Promise<never> => Promise.reject(new RedisUnavailable('away'))

  it('is what changed, once, and the others are told the same', async () => {
    expect(own.isDue).to.equal(false)
    come(ann)
    expect(own.isDue).to.equal(true)
    await own.write()
    go(ann)
    come(bob)
    await own.write()
    expect(own.isDue).to.equal(false)
    await own.write()
    expect(written).to.deep.equal([
      [2, 1, ...field(ann)],
      [3, 2, ...field(bob), ...gone(ann)],
    ])
    expect(told).to.deep.equal([
      { node: 'me', seq: 2, what: { joined: [ann], left: [] } },
      { node: 'me', seq: 3, what: { joined: [bob], left: [ann.meta.phx_ref] } },
    ])
  })

  it('is everything, under a new step, once it is not known what Redis has', async () => {
    come(ann)
    answer = unavailable
    await rejectionMessage(own.write())
    come(bob)
    expect(own.isDue).to.equal(true)
    answer = async () => 1
    expect(await own.write()).to.equal(true)
    expect(written[1]).to.deep.equal([3, '', ...field(ann), ...field(bob)])
    expect(told).to.deep.equal([{ node: 'me', seq: 3, what: 'moved' }])
    expect(own.isDue).to.equal(false)
  })

  it('is everything once Redis has lost something', async () => {
    come(ann)
    answer = async () => 0
    expect(await own.write()).to.equal(false)
    expect(told).to.deep.equal([])
    answer = async () => 1
    expect(await own.write()).to.equal(true)
    expect(written[1]).to.deep.equal([3, '', ...field(ann)])

    answer = async () => null
    expect(await own.renew()).to.equal(undefined)
    answer = async () => 1
    await own.write()
    expect(written[2]).to.deep.equal([4, '', ...field(ann)])
  })

  it('what came while it was written is written next', async () => {
    come(ann)
    answer = async () => {
      answer = async () => 1
      go(ann)
      return 1
    }
    await own.write()
    expect(own.isDue).to.equal(true)
    await own.write()
    expect(written[1]).to.deep.equal([3, 2, ...gone(ann)])
  })

  it('is told later where it could not be told, but not written again', async () => {
    come(ann)
    publish = unavailable
    await rejectionMessage(own.write())
    expect(own.isDue).to.equal(true)
    publish = async () => {}
    await own.write()
    expect(written).to.have.lengthOf(1)
    expect(told).to.deep.equal([{ node: 'me', seq: 2, what: 'moved' }])
    expect(own.isDue).to.equal(false)
  })

  it('is told to be gone only where Redis has forgotten it', async () => {
    answer = unavailable
    await rejectionMessage(own.leave())
    expect(told).to.deep.equal([])
    answer = async () => 1
    await own.leave()
    expect(told).to.deep.equal([{ node: 'me', seq: 1, what: 'gone' }])
  })
})
