import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { Feed } from '../../../channels/agent/feed.ts'
import type { AgentStore } from '../../../channels/agent/store/store.ts'
import { numbers } from '../../support/numbers.ts'
import {
  EPOCH,
  Events,
  FakeReader,
  happening,
  Scene,
  SESSION,
  settle,
  throwing,
} from './feed-scene.ts'

describe('the feed of a socket', () => {
  it('sends every event once, in order, to the last, whatever happens when', async () => {
    const paces = fc.infiniteStream(fc.nat({ max: 20 }))
    const happenings = fc.array(happening, { maxLength: 15 })
    const property = fc.asyncProperty(
      fc.scheduler(),
      happenings,
      paces,
      async (scheduler, all, pace) => {
        const scene = new Scene(scheduler, { isSlow: () => pace.next().value === 0 })
        for (const each of all) void scene.turn().then(() => scene.happen(each))
        await settle(scheduler)
        scene.check()
      },
    )
    await fc.assert(property, { numRuns: 1_000 })
  })

  it('does so beside others of its session, that share what they read', async () => {
    const happenings = fc.array(fc.tuple(fc.nat({ max: 2 }), happening), { maxLength: 15 })
    const paces = fc.infiniteStream(fc.nat({ max: 20 }))
    const property = fc.asyncProperty(
      fc.scheduler(),
      happenings,
      paces,
      async (scheduler, all, pace) => {
        const isSlow = () => pace.next().value === 0
        const scenes = [new Scene(scheduler, { isSlow })]
        for (let more = 2; more > 0; more -= 1) {
          scenes.push(new Scene(scheduler, { isSlow, beside: scenes[0] }))
        }
        for (const [at, each] of all) {
          void scenes[at]?.turn().then(() => scenes[at]?.happen(each))
        }
        await settle(scheduler)
        for (const scene of scenes) scene.check()
      },
    )
    await fc.assert(property, { numRuns: 500 })
  })

  it('begins with the oldest event that is kept', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        const scene = new Scene(scheduler, { kept: numbers(101, 200) })
        scene.start('oldest', true)
        scene.commit(2)
        await settle(scheduler)
        expect(scene.reader.delivered).to.deep.equal(numbers(101, 202))
      }),
      { numRuns: 50 },
    )
  })

  it('reads on after the store was out of reach', async () => {
    const errors: unknown[] = []
    const events = new Events(() => Promise.resolve(), [1])
    let isThere = false
    const store: AgentStore = {
      ...events.store,
      async events(...range) {
        if (isThere) return events.store.events(...range)
        isThere = true
        throw new Error('out of reach')
      },
    }
    const { feed, reader, delivered } = quickFeed(store, (error) => errors.push(error))
    feed.start(EPOCH, 0, true)
    await delivered(1)
    expect(reader.delivered).to.deep.equal([1])
    expect(errors.map(String)).to.deep.equal(['Error: out of reach'])
  })

  it('reads what came while nothing could be sent, where that is more than it remembers', async () => {
    const events = new Events(() => Promise.resolve())
    const { feed, reader, delivered } = quickFeed(events.store)
    feed.start(EPOCH, 0, false)
    await feed.after(async () => {
      for (let count = 0; count < 200; count += 1) events.commit()
      await new Promise((resolve) => setImmediate(resolve))
    })
    await delivered(200)
    expect(reader.delivered).to.deep.equal(numbers(1, 200))
    expect(events.reads).to.be.greaterThan(0)
  })

  it('sends nothing after it is stopped, and no longer listens', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.nat({ max: 400 }), async (scheduler, turns) => {
        const scene = new Scene(scheduler)
        scene.commit(200)
        scene.start(0, true)
        for (let left = Math.min(turns, scheduler.count()); left > 0; left -= 1) {
          await scheduler.waitOne()
        }
        scene.feed.stop()
        const { length } = scene.reader.delivered
        await settle(scheduler)
        expect(scene.reader.delivered).to.have.length(length)
        expect(scene.events.listeners).to.equal(0)
      }),
    )
  })

  it('is stopped by a socket that is gone', async () => {
    const scheduler = fc.sample(fc.scheduler(), 1)[0]
    if (!scheduler) throw new Error('no scheduler')
    const scene = new Scene(scheduler)
    scene.reader.isGone = true
    scene.start(0, true)
    scene.commit(3)
    await settle(scheduler)
    expect(scene.reader.delivered).to.have.length(1)
    expect(scene.events.listeners).to.equal(0)
  })

  it('reads what it may have missed after a gap', async () => {
    const events = new Events(() => Promise.resolve())
    const { feed, reader, delivered } = quickFeed(events.store)
    feed.start(EPOCH, 0, false)
    events.keepSilently()
    events.gap()
    await delivered(1)
    expect(reader.delivered).to.deep.equal([1])
  })

  for (const after of [0, 3]) {
    it(`ends, and says so, where events behind ${after} are no longer kept`, async () => {
      const events = new Events(() => Promise.resolve(), numbers(1, after))
      const { feed, reader, lost } = quickFeed(events.store)
      feed.start(EPOCH, after, false)
      for (let count = 0; count < 3; count += 1) events.keepSilently()
      events.kept.splice(0, after + 1)
      events.gap()
      await lost()
      expect(reader.delivered).to.deep.equal([])
      expect(events.listeners).to.equal(0)
    })
  }

  for (const epoch of ['another epoch', undefined]) {
    it(`ends, and says so, where the session comes back with ${epoch ?? 'nothing'}`, async () => {
      const events = new Events(() => Promise.resolve(), [1, 2, 3])
      const { feed, reader, lost } = quickFeed(events.store)
      feed.start(EPOCH, 3, false)
      events.keepSilently()
      events.epoch = epoch
      events.gap()
      await lost()
      expect(reader.delivered).to.deep.equal([])
      expect(events.listeners).to.equal(0)
    })
  }

  it('ends, and says so, where that happens before it is started', async () => {
    const events = new Events(() => Promise.resolve(), [1, 2, 3])
    const { feed, lost } = quickFeed(events.store)
    events.epoch = 'another epoch'
    events.gap()
    feed.start(EPOCH, 3, false)
    await lost()
    expect(events.listeners).to.equal(0)
  })

  it('ends, and says so, with the first event of another epoch that is announced', async () => {
    const events = new Events(() => Promise.resolve())
    const { feed, reader, lost } = quickFeed(events.store)
    feed.start('another epoch', 0, false)
    events.keepSilently()
    events.announceNewest()
    await lost()
    expect(reader.delivered).to.deep.equal([])
    expect(events.listeners).to.equal(0)
  })

  it('ends, and says so, with the first event of another epoch that it reads', async () => {
    const events = new Events(() => Promise.resolve(), [1])
    events.epoch = 'another epoch'
    const { feed, reader, lost } = quickFeed(events.store)
    feed.start('another epoch', 0, true)
    await lost()
    expect(reader.delivered).to.deep.equal([])
    expect(events.listeners).to.equal(0)
  })
})

/** A feed whose socket takes everything at once. */
function quickFeed(store: AgentStore, onError: (error: unknown) => void = throwing) {
  const reader = new FakeReader(
    () => false,
    () => Promise.resolve(),
  )
  const feed = new Feed(store, SESSION, reader, onError)
  return {
    reader,
    feed,
    /** Resolves when so many have been delivered. */
    async delivered(count: number): Promise<void> {
      while (reader.delivered.length < count) {
        await new Promise<void>((resolve) => {
          reader.onDelivery = resolve
        })
      }
    },
    /** Resolves when the reader has been told that its session is another one. */
    async lost(): Promise<void> {
      if (reader.isLost) return
      await new Promise<void>((resolve) => {
        reader.onLost = resolve
      })
    },
  }
}
