import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { member } from '../integration/channels/harness.ts'
import type { WireMessage } from '../support/client-codec.ts'
import { type RoomServer, startRooms } from './room.ts'
import type { Browsing, Tab } from './tab.ts'

const TOPIC = 'room:a'
/** Of a long-poll: one and a half, and a client that has gone is missed. */
const WINDOW_MS = 2_000
/** On a busy machine. */
const PATIENCE_MS = 20_000

/** What the server sees of a page that goes, and shows to others. */
export function pageEndTests(browsing: () => Browsing): void {
  describe('a page that goes', () => {
    let rooms: RoomServer

    beforeEach(async () => {
      rooms = await startRooms({ windowMs: WINDOW_MS })
    })

    afterEach(async () => {
      await browsing().closeTabs()
      await rooms.stop()
    })

    /** A page that somebody else sees go. */
    async function expectToGo(longPolls: boolean, go: (tab: Tab) => Promise<void>): Promise<void> {
      const tab = await browsing().open()
      await tab.call('connect', `${rooms.url}/socket`, { params: { name: 'ann' }, longPolls })
      await tab.call('join', TOPIC, {}, [])
      await tab.told('present', (names) => String(names) === 'ann')
      const other = await member(rooms.url, TOPIC, { params: { name: 'bob' } })
      await go(tab)
      const isLeave = ({ event, payload }: WireMessage) =>
        event === 'presence_diff' && 'ann' in Object(payload).leaves
      await other.next(isLeave, PATIENCE_MS)
      expect(await rooms.went.next(undefined, PATIENCE_MS)).to.have.property(
        'transport',
        longPolls ? 'longpoll' : 'websocket',
      )
    }

    it('because it is closed, is gone for the server and for others', () =>
      expectToGo(false, (tab) => tab.close()))

    it('because another one takes its place, is gone, too', () =>
      expectToGo(false, (tab) => tab.leave()))

    it('because it crashed, is gone, too', () => expectToGo(false, (tab) => tab.crash()))

    it('while it long-polls, is missed when its next poll does not come', () =>
      expectToGo(true, (tab) => tab.close()))
  })
}
