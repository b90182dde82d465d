import { expect } from 'chai'
import { describe, it } from 'mocha'
import { Feed } from '../../../channels/agent/feed.ts'
import { type EventSource, SharedReads } from '../../../channels/agent/shared-reads.ts'
import type { EventPage } from '../../../channels/agent/store/store.ts'
import { EPOCH, Events, FakeReader, SESSION, throwing } from './feed-scene.ts'

const turn = () => new Promise(setImmediate)
const EMPTY: EventPage = { epoch: EPOCH, events: [], more: false }

/** A store whose reads end when they are told to. */
function slowStore() {
  const begun: ((page: EventPage | Promise<never>) => void)[] = []
  const sessions: string[] = []
  const store: EventSource = {
    subscribe: () => ({ ready: undefined, end() {} }),
    events({ sessionId }) {
      sessions.push(sessionId)
      return new Promise((resolve) => begun.push(resolve))
    },
  }
  return { reads: new SharedReads(store), begun, sessions }
}

const session = (sessionId: string) => ({ businessId: 'b1', sessionId })

describe('reads that feeds share', () => {
  it('are one for all sockets of a session, after a gap', async () => {
    const events = new Events(turn)
    const reads = new SharedReads(events.store)
    const readers = Array.from({ length: 1_000 }, () => new FakeReader(() => false, turn))
    const delivered = readers.map((reader) => {
      new Feed(reads, SESSION, reader, throwing).start(EPOCH, 0, false)
      return new Promise<void>((resolve) => {
        reader.onDelivery = () => reader.delivered.length === 2 && resolve()
      })
    })
    events.keepSilently()
    events.keepSilently()
    events.gap()
    await Promise.all(delivered)
    expect(readers.map((reader) => reader.delivered)).to.deep.equal(readers.map(() => [1, 2]))
    expect(events.reads).to.equal(1)
  })

  it('are few at a time, in the order in which they were asked for', async () => {
    const { reads, begun, sessions } = slowStore()
    const all = Array.from({ length: 100 }, (_, index) => `s${index}`)
    const pages = all.map((each) => reads.events(session(each), 0, 64))
    let ended = 0
    while (ended < all.length) {
      await turn()
      expect(begun.length - ended).to.be.within(1, 16)
      begun[ended]?.(EMPTY)
      ended += 1
    }
    expect(await Promise.all(pages)).to.deep.equal(all.map(() => EMPTY))
    expect(sessions).to.deep.equal(all)
  })

  it('do not include one that has begun, nor another page', async () => {
    const { reads, begun } = slowStore()
    const first = reads.events(SESSION, 0, 64)
    await turn()
    const later = [reads.events(SESSION, 0, 64), reads.events(SESSION, 0, 64)]
    const others = [reads.events(SESSION, 1, 64), reads.events(session('s2'), 0, 64)]
    await turn()
    expect(begun).to.have.length(4)
    for (const end of begun) end(EMPTY)
    await Promise.all([first, ...later, ...others])
  })

  it('fail for those alone who share them', async () => {
    const { reads, begun } = slowStore()
    const pages = Array.from({ length: 40 }, (_, index) => {
      return reads.events(session(`s${index % 20}`), 0, 64).catch(String)
    })
    for (let ended = 0; ended < 20; ended += 1) {
      await turn()
      begun[ended]?.(ended % 2 === 0 ? EMPTY : Promise.reject(new Error('away')))
    }
    const expected = (index: number) => (index % 2 === 0 ? EMPTY : 'Error: away')
    expect(await Promise.all(pages)).to.deep.equal(pages.map((_, index) => expected(index % 20)))
  })
})
