import { expect } from 'chai'
import { describe, it } from 'mocha'
import { RETENTION } from '../../channels/agent/store/store.ts'
import { numbers } from '../support/numbers.ts'
import {
  emit,
  eventsOf,
  listen,
  own,
  put,
  SESSION,
  type Suite,
  shared,
  versionOf,
} from './agent-store-setup.ts'

const OTHER = { businessId: 'b1', sessionId: 's2' }
const ALMOST_MS = RETENTION.sessionMs - 1_000

/** How a session begins, lasts and ends (contract 4). */
export const lifetimeSuite: Suite = (setup) => {
  describe('a session', () => {
    it('begins with number 0 and an epoch of its own, and keeps it', async () => {
      const { store } = setup()
      const head = await store.open(SESSION)
      expect(head).to.deep.include({ seq: 0, oldestSeq: 1 })
      expect(head.epoch).to.be.a('string').that.has.length.above(15)
      await emit(store, SESSION)
      expect(await store.open(SESSION)).to.deep.equal({ epoch: head.epoch, seq: 1, oldestSeq: 1 })
      expect((await store.open(OTHER)).epoch).to.not.equal(head.epoch)
    })

    it('begins with its first commit where nobody opened it', async () => {
      const { store } = setup()
      await emit(store, SESSION)
      expect(await store.open(SESSION)).to.deep.include({ seq: 1, oldestSeq: 1 })
    })

    it('is opened by many at once as one', async () => {
      const { store } = setup()
      const heads = await Promise.all(numbers(1, 50).map(() => store.open(SESSION)))
      expect(new Set(heads.map(({ epoch }) => epoch))).to.have.property('size', 1)
    })

    it('is as it was after the store was closed and opened', async () => {
      const { store, reopen } = setup()
      const epoch = (await store.open(SESSION)).epoch
      await put(store, SESSION, own('a'), { text: 'kept' })
      await put(store, SESSION, shared('a'), { text: 'kept too' })
      const event = await emit(store, SESSION)
      const mine = await store.get(SESSION, own('a'))
      const ours = await store.get(SESSION, shared('a'))

      const again = await reopen()
      expect(await again.open(SESSION)).to.deep.equal({ epoch, seq: 1, oldestSeq: 1 })
      expect(await again.get(SESSION, own('a'))).to.deep.equal(mine)
      expect(await again.get(SESSION, shared('a'))).to.deep.equal(ours)
      expect(await eventsOf(again, SESSION, 0, 10)).to.deep.equal([event])
      expect(await emit(again, SESSION)).to.deep.include({ seq: 2 })
      await put(again, SESSION, own('a'), 'newer')
      expect(await versionOf(again, SESSION, own('a'))).to.be.above(mine?.version ?? 0)
    })

    it('ends 30 days after its last activity, with its documents, numbers and epoch', async () => {
      const { store, clock } = setup()
      const { epoch } = await store.open(SESSION)
      await put(store, SESSION, own('a'), 1)
      await emit(store, SESSION)
      expect(await store.events(SESSION, 1, 10)).to.deep.equal({ epoch, events: [], more: false })
      clock.advance(ALMOST_MS)
      expect(await store.events(SESSION, 0, 10)).to.deep.equal({ epoch, events: [], more: false })
      expect(await store.get(SESSION, own('a'))).to.not.equal(undefined)
      clock.advance(2_000)
      expect(await store.get(SESSION, own('a'))).to.equal(undefined)
      expect(await store.list(SESSION, own(''), { limit: 10 })).to.deep.equal([])
      expect(await store.events(SESSION, 0, 10)).to.deep.equal({
        epoch: undefined,
        events: [],
        more: false,
      })
      const head = await store.open(SESSION)
      expect(head).to.deep.include({ seq: 0, oldestSeq: 1 })
      expect(head.epoch).to.not.equal(epoch)
      expect(await store.list(SESSION, own(''), { limit: 10 })).to.deep.equal([])
      expect(await emit(store, SESSION)).to.deep.include({ seq: 1 })
      expect(await eventsOf(store, SESSION, 0, 10)).to.have.lengthOf(1)
    })

    it('leaves the documents of its business, and other sessions, when it ends', async () => {
      const { store, clock } = setup()
      await put(store, SESSION, shared('a'), 'stays')
      await put(store, SESSION, own('a'), 'goes')
      clock.advance(ALMOST_MS)
      await put(store, OTHER, own('a'), 'stays')
      clock.advance(2_000)
      await store.open(SESSION)
      expect(await store.get(SESSION, own('a'))).to.equal(undefined)
      expect(await store.get(SESSION, shared('a'))).to.deep.include({ value: 'stays' })
      expect(await store.get(OTHER, own('a'))).to.deep.include({ value: 'stays' })
    })

    it('lasts while it is opened or committed to', async () => {
      const { store, clock } = setup()
      await put(store, SESSION, own('a'), 1)
      const { epoch } = await store.open(SESSION)
      clock.advance(ALMOST_MS)
      await store.open(SESSION)
      clock.advance(ALMOST_MS)
      await put(store, SESSION, own('b'), 1)
      clock.advance(ALMOST_MS)
      expect(await store.get(SESSION, own('a'))).to.deep.include({ value: 1 })
      expect((await store.open(SESSION)).epoch).to.equal(epoch)
    })

    it('is not kept alive by those who read', async () => {
      const { store, clock } = setup()
      await put(store, SESSION, own('a'), 1)
      clock.advance(ALMOST_MS)
      await store.get(SESSION, own('a'))
      await store.list(SESSION, own(''), { limit: 1 })
      await eventsOf(store, SESSION, 0, 1)
      clock.advance(2_000)
      expect(await store.get(SESSION, own('a'))).to.equal(undefined)
    })

    it('keeps its epoch when what was heard of it is no longer kept', async () => {
      const { store, clock } = setup()
      const { epoch } = await store.open(SESSION)
      const ear = listen(store, SESSION)
      for (const _ of numbers(1, 3)) await emit(store, SESSION)
      await ear.until(3)
      clock.advance(RETENTION.eventMs + 1_000)
      expect(await store.events(SESSION, 0, 10)).to.deep.equal({ epoch, events: [], more: false })
      expect(await store.open(SESSION)).to.deep.equal({ epoch, seq: 3, oldestSeq: 4 })
      expect(await emit(store, SESSION)).to.deep.include({ epoch, seq: 4 })
      ear.leave()
    })

    it('that has ended begins anew with a commit, which finds no document', async () => {
      const { store, clock } = setup()
      await put(store, SESSION, own('a'), 'old')
      await put(store, SESSION, own('b'), 'old')
      await emit(store, SESSION)
      const { epoch } = await store.open(SESSION)
      const version = await versionOf(store, SESSION, own('a'))
      clock.advance(ALMOST_MS + 2_000)
      const at = (expected: number) =>
        store.commit(SESSION, {
          expect: [{ ref: own('a'), version: expected }],
          put: [{ ref: own('a'), value: 'new' }],
          event: { event: 'changed', payload: {} },
        })
      expect(await at(version)).to.deep.equal({ committed: false })
      expect(await at(0)).to.have.nested.property('event.seq', 1)
      expect(await versionOf(store, SESSION, own('a'))).to.be.above(version)
      expect(await store.get(SESSION, own('b'))).to.equal(undefined)
      expect((await store.open(SESSION)).epoch).to.not.equal(epoch)
    })
  })
}
