import { expect } from 'chai'
import { describe, it } from 'mocha'
import { StoreUnavailable } from '../../channels/agent/store/store.ts'
import { numbers } from '../support/numbers.ts'
import { rejection } from '../support/rejection.ts'
import { emit, eventsOf, own, put, SESSION, type Suite } from './agent-store-setup.ts'

/** What a store does when it is closed. */
export const closeSuite: Suite = (setup) => {
  describe('a closed store', () => {
    it('rejects everything as unavailable, and cannot write', async () => {
      const { store } = setup()
      await put(store, SESSION, own('a'), 1)
      await store.close()
      for (const operation of [
        () => store.open(SESSION),
        () => store.get(SESSION, own('a')),
        () => store.list(SESSION, own('a'), { limit: 1 }),
        () => store.count(SESSION, own('a')),
        () => put(store, SESSION, own('a'), 2),
        () => store.now(SESSION),
        () => eventsOf(store, SESSION, 0, 1),
      ]) {
        expect(await rejection(operation())).to.be.instanceOf(StoreUnavailable)
      }
      expect(await store.writable()).to.equal(false)
    })

    it('may be closed again', async () => {
      const { store } = setup()
      await Promise.all([store.close(), store.close()])
      await store.close()
    })

    it('has finished the commits that had begun', async () => {
      const { store, reopen } = setup()
      const begun = Promise.all(numbers(1, 50).map(() => emit(store, SESSION)))
      await store.close()
      expect(await eventsOf(await reopen(), SESSION, 0, 100)).to.deep.equal(await begun)
    })
  })
}
