import { expect } from 'chai'
import { describe, it } from 'mocha'
import {
  type AgentStore,
  PAGE_BYTES,
  RETENTION,
  type SessionEvent,
} from '../../channels/agent/store/store.ts'
import { numbers } from '../support/numbers.ts'
import {
  emit,
  eventsOf,
  hears,
  listen,
  own,
  put,
  SESSION,
  type Suite,
} from './agent-store-setup.ts'

/** Calls `event` with what is committed from now on; returns what ends that. */
const subscribe = (store: AgentStore, event: (event: SessionEvent) => unknown) =>
  store.subscribe(SESSION, hears(event)).end

const OTHER = { businessId: 'b1', sessionId: 's2' }
const seqs = (events: readonly SessionEvent[]): number[] => events.map(({ seq }) => seq)

/** Numbered events: kept, paged, announced (contract 9). */
export const eventSuite: Suite = (setup) => {
  describe('an event', () => {
    it('gets the numbers 1, 2, 3 of its session', async () => {
      const { store } = setup()
      for (const seq of [1, 2, 3]) expect(await emit(store, SESSION)).to.deep.include({ seq })
      expect(await emit(store, OTHER)).to.deep.include({ seq: 1 })
      expect(await store.open(SESSION)).to.deep.include({ seq: 3, oldestSeq: 1 })
      expect(await store.open(OTHER)).to.deep.include({ seq: 1, oldestSeq: 1 })
    })

    it('carries its number as the first member of its payload', async () => {
      const { store } = setup()
      const payload = JSON.parse('{"b":{"seq":7},"a":["é\\ud800"],"__proto__":1}')
      expect((await emit(store, SESSION, {})).json).to.equal('{"seq":1}')
      expect((await emit(store, SESSION, payload)).json).to.equal(
        '{"seq":2,"b":{"seq":7},"a":["é\\ud800"],"__proto__":1}',
      )
    })

    it('is kept as it was returned', async () => {
      const { store } = setup()
      const first = await emit(store, SESSION, { text: 'é"\\\u2028😀' })
      const second = await emit(store, SESSION, { text: 'x'.repeat(100_000) })
      expect(await eventsOf(store, SESSION, 0, 10)).to.deep.equal([first, second])
    })

    it('is numbered only where a commit has one', async () => {
      const { store } = setup()
      expect(await put(store, SESSION, own('a'), 1)).to.deep.equal({
        committed: true,
        event: undefined,
      })
      expect(await store.open(SESSION)).to.deep.include({ seq: 0, oldestSeq: 1 })
      expect(await eventsOf(store, SESSION, 0, 10)).to.deep.equal([])
    })

    it('has a number of its own, without gaps, among hundreds at once', async () => {
      const { store } = setup()
      const sessions = numbers(1, 5).map((n) => ({ businessId: 'b1', sessionId: `s${n}` }))
      const ears = sessions.map((session) => listen(store, session))
      const committed = await Promise.all(
        numbers(0, 999).map((turn) => emit(store, sessions[turn % 5] ?? SESSION, { turn })),
      )
      for (const [index, session] of sessions.entries()) {
        const mine = committed.filter((_, turn) => turn % 5 === index)
        expect(seqs(mine).toSorted((one, other) => one - other)).to.deep.equal(numbers(1, 200))
        expect(seqs((await ears[index]?.until(200)) ?? [])).to.deep.equal(numbers(1, 200))
        expect(seqs(await eventsOf(store, session, 0, 1_000))).to.deep.equal(numbers(1, 200))
      }
    })

    it('is kept among the newest 1,000 and no longer', async () => {
      const { store } = setup()
      const last = RETENTION.events + 5
      await Promise.all(numbers(1, last).map(() => emit(store, SESSION)))
      expect(await store.open(SESSION)).to.deep.include({ seq: last, oldestSeq: 6 })
      expect(seqs(await eventsOf(store, SESSION, 0, last))).to.deep.equal(numbers(6, last))
      expect(seqs(await eventsOf(store, SESSION, 6, 2))).to.deep.equal([7, 8])
    })

    it('is kept for 24 hours and no longer', async () => {
      const { store, clock } = setup()
      for (const _ of numbers(1, 3)) await emit(store, SESSION)
      clock.advance(RETENTION.eventMs / 2)
      for (const _ of numbers(4, 5)) await emit(store, SESSION)
      clock.advance(RETENTION.eventMs / 2 - 1_000)
      expect(seqs(await eventsOf(store, SESSION, 0, 10))).to.deep.equal(numbers(1, 5))
      clock.advance(2_000)
      expect(seqs(await eventsOf(store, SESSION, 0, 10))).to.deep.equal([4, 5])
      expect(seqs(await eventsOf(store, SESSION, 0, 1))).to.deep.equal([4])
      expect(await store.open(SESSION)).to.deep.include({ seq: 5, oldestSeq: 4 })
      clock.advance(RETENTION.eventMs)
      expect(await eventsOf(store, SESSION, 0, 10)).to.deep.equal([])
      expect(await store.open(SESSION)).to.deep.include({ seq: 5, oldestSeq: 6 })
      expect(await emit(store, SESSION)).to.deep.include({ seq: 6 })
      expect(await store.open(SESSION)).to.deep.include({ seq: 6, oldestSeq: 6 })
    })

    it('is read from any number on, page by page', async () => {
      const { store } = setup()
      await Promise.all(numbers(1, 25).map(() => emit(store, SESSION)))
      const page = async (after: number, limit: number): Promise<number[]> =>
        seqs(await eventsOf(store, SESSION, after, limit))
      expect(await page(0, 10)).to.deep.equal(numbers(1, 10))
      expect(await page(10, 10)).to.deep.equal(numbers(11, 20))
      expect(await page(20, 10)).to.deep.equal(numbers(21, 25))
      expect(await page(24, 10)).to.deep.equal([25])
      for (const [after, limit] of [
        [25, 10],
        [26, 10],
        [Number.MAX_SAFE_INTEGER, 10],
        [1e300, 10],
        [0, 0],
      ] as const) {
        expect(await page(after, limit)).to.deep.equal([])
      }
    })
  })

  describe('a page of events', () => {
    it('stops at a mebibyte of JSON, has one event always, and tells whether there are more', async () => {
      const { store } = setup()
      const half = 'é'.repeat(200_000)
      for (const text of [half, half, half, 'x'.repeat(PAGE_BYTES), '']) {
        await emit(store, SESSION, { text })
      }
      const page = async (afterSeq: number, limit = 10) => {
        const { events, more } = await store.events(SESSION, afterSeq, limit)
        return { seqs: seqs(events), more }
      }
      expect(await page(0)).to.deep.equal({ seqs: [1, 2], more: true })
      expect(await page(0, 1)).to.deep.equal({ seqs: [1], more: true })
      expect(await page(2)).to.deep.equal({ seqs: [3], more: true })
      expect(await page(3)).to.deep.equal({ seqs: [4], more: true })
      expect(await page(4)).to.deep.equal({ seqs: [5], more: false })
      expect(await page(5)).to.deep.equal({ seqs: [], more: false })
    })
  })

  describe('a listener', () => {
    it('hears what is committed from then on until it leaves, in order, as it is kept', async () => {
      const { store } = setup()
      await emit(store, SESSION)
      const ear = listen(store, SESSION)
      await Promise.all(numbers(2, 50).map(() => emit(store, SESSION)))
      await ear.until(49)
      ear.leave()
      ear.leave()
      await hearNext(store)
      expect(seqs(ear.heard)).to.deep.equal(numbers(2, 50))
      expect(ear.heard).to.deep.equal(await eventsOf(store, SESSION, 1, 49))
    })

    it('finds what it hears already kept', async () => {
      const { store } = setup()
      const reads: Promise<readonly SessionEvent[]>[] = []
      subscribe(store, ({ seq }) => reads.push(eventsOf(store, SESSION, seq - 1, 1)))
      const ear = listen(store, SESSION)
      await Promise.all(numbers(1, 50).map(() => emit(store, SESSION)))
      await ear.until(50)
      expect((await Promise.all(reads)).map(seqs)).to.deep.equal(numbers(1, 50).map((n) => [n]))
    })

    it('that throws harms no other', async () => {
      const { store } = setup()
      const fail = (): void => {
        throw new Error('a listener that throws')
      }
      subscribe(store, fail)
      const ear = listen(store, SESSION)
      subscribe(store, fail)
      await emit(store, SESSION)
      await emit(store, SESSION)
      expect(seqs(await ear.until(2))).to.deep.equal([1, 2])
    })

    it('may be there twice, and leaves once at a time', async () => {
      const { store } = setup()
      const heard: number[] = []
      const listener = ({ seq }: SessionEvent): void => {
        heard.push(seq)
      }
      const leave = subscribe(store, listener)
      subscribe(store, listener)
      await hearNext(store)
      leave()
      await hearNext(store)
      expect(heard).to.deep.equal([1, 1, 2])
    })

    it('may leave, send others away and bring others while it is called', async () => {
      const { store } = setup()
      const heard: string[] = []
      const leaveFirst = subscribe(store, ({ seq }) => {
        heard.push(`first ${seq}`)
        leaveFirst()
        leaveSecond()
        subscribe(store, (event) => heard.push(`third ${event.seq}`))
      })
      const leaveSecond = subscribe(store, ({ seq }) => heard.push(`second ${seq}`))
      await hearNext(store)
      await hearNext(store)
      expect(heard).to.deep.equal(['first 1', 'third 2'])
    })

    it('that left and came back hears again', async () => {
      const { store } = setup()
      const ear = listen(store, SESSION)
      ear.leave()
      const again = listen(store, SESSION)
      ear.leave()
      await hearNext(store)
      expect(seqs(ear.heard)).to.deep.equal([])
      expect(seqs(again.heard)).to.deep.equal([1])
    })
  })
}

/**
 * Commits an event; resolves when a listener that came last has heard it, so that all others have.
 */
async function hearNext(store: AgentStore): Promise<void> {
  const ear = listen(store, SESSION)
  await emit(store, SESSION)
  await ear.until(1)
  ear.leave()
}
