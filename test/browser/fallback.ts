import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { type RoomServer, startRooms } from './room.ts'
import type { Browsing, Tab } from './tab.ts'
import { BREAKAGES, startBreaker, type WebSocketBreaker } from './websocket-breaker.ts'

const TOPIC = 'room:a'
const MEMO = { 'phx:fallback:LongPoll': 'true' }
/** These WebSockets never work: there is nothing to wait for. */
const FALLBACK_MS = 500
/** This one works, and a busy machine may take its time. */
const UNHURRIED_MS = 20_000

/** phoenix.js's `longPollFallbackMs`. */
export function fallbackTests(browsing: () => Browsing): void {
  describe('longPollFallbackMs, in a browser', () => {
    let rooms: RoomServer
    let breaker: WebSocketBreaker | undefined

    beforeEach(async () => {
      rooms = await startRooms()
    })

    afterEach(async () => {
      await browsing().closeTabs()
      await breaker?.stop()
      breaker = undefined
      await rooms.stop()
    })

    async function expectToWork(tab: Tab, n: number): Promise<void> {
      const joined = await tab.call('join', TOPIC, {}, ['shout'])
      expect(joined).to.deep.equal({ status: 'ok', response: { topic: TOPIC } })
      const answer = await tab.call('push', TOPIC, 'echo', { n })
      expect(answer).to.deep.equal({ status: 'ok', response: { n } })
      void tab.call('push', TOPIC, 'shout', { n })
      expect(await tab.told('shout')).to.deep.equal({ n })
    }

    async function fallBackTwice(how: keyof typeof BREAKAGES, packs = false): Promise<void> {
      breaker = await startBreaker(rooms.url, how)
      const url = `${breaker.url}/socket`
      const options = { longPollFallbackMs: FALLBACK_MS, packs }
      const tab = await browsing().open()
      await tab.call('connect', url, options)
      await expectToWork(tab, 1)
      expect(rooms.came.all).to.deep.equal(['longpoll'])
      expect(breaker.handshakes()).to.equal(1)
      expect(await tab.stored()).to.deep.equal(MEMO)

      await tab.reload()
      await tab.call('connect', url, options)
      await expectToWork(tab, 2)
      expect(rooms.came.all).to.deep.equal(['longpoll', 'longpoll'])
      expect(breaker.handshakes(), 'the WebSocket was not tried again').to.equal(1)
    }

    for (const how of Object.keys(BREAKAGES) as (keyof typeof BREAKAGES)[]) {
      it(`gets through a proxy that ${how}, and knows it when the page is loaded anew`, () =>
        fallBackTwice(how))
    }

    it('takes MessagePack along', () => fallBackTwice('refuses it', true))

    it('leaves a WebSocket that works alone', async () => {
      const tab = await browsing().open()
      const options = { longPollFallbackMs: UNHURRIED_MS }
      await tab.call('connect', `${rooms.url}/socket`, options)
      await expectToWork(tab, 1)
      expect(rooms.came.all).to.deep.equal(['websocket'])
      expect(await tab.stored()).to.deep.equal({})
    })
  })
}
