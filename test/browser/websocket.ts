import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { type RoomServer, startRooms } from './room.ts'
import type { Browsing, Tab } from './tab.ts'

const TOPIC = 'room:a'

/** The official client, as it is and with MessagePack, over a WebSocket of the browser's. */
export function webSocketTests(browsing: () => Browsing): void {
  describe('the official client in a browser', () => {
    let rooms: RoomServer

    beforeEach(async () => {
      rooms = await startRooms()
    })

    afterEach(async () => {
      await browsing().closeTabs()
      await rooms.stop()
    })

    async function enter(name: string, packs: boolean): Promise<Tab> {
      const tab = await browsing().open()
      await tab.call('connect', `${rooms.url}/socket`, { params: { name }, packs })
      await tab.told('open')
      const answer = await tab.call('join', TOPIC, {}, ['shout'])
      expect(answer).to.deep.equal({ status: 'ok', response: { topic: TOPIC } })
      return tab
    }

    for (const { what, packs } of [
      { what: 'by its own serializer', packs: false },
      { what: 'by MessagePack', packs: true },
    ]) {
      it(`joins, pushes, hears the others, sees who is there, leaves, ${what}`, async () => {
        const ann = await enter('ann', packs)
        const bob = await enter('bob', false)
        await ann.told('present', (names) => String(names) === 'ann,bob')
        await bob.told('present', (names) => String(names) === 'ann,bob')

        const payload = { text: 'ăîșț 🦤', list: [1, null, { deep: true }] }
        const echoed = { status: 'ok', response: payload }
        expect(await ann.call('push', TOPIC, 'echo', payload)).to.deep.equal(echoed)
        const bytes = [0, 127, 128, 255]
        const answer = await ann.call('pushBytes', TOPIC, 'echo', bytes)
        expect(answer).to.deep.equal({ status: 'ok', response: { bytes } })

        void ann.call('push', TOPIC, 'shout', payload)
        expect(await bob.told('shout')).to.deep.equal(payload)
        void bob.call('pushBytes', TOPIC, 'shout', bytes)
        expect(
          await ann.told('shout', (shout) => shout !== null && 'bytes' in Object(shout)),
        ).to.deep.equal({ bytes })

        expect(await bob.call('leave', TOPIC)).to.include({ status: 'ok' })
        await ann.told('present', (names) => String(names) === 'ann')
        expect(rooms.came.all).to.deep.equal(['websocket', 'websocket'])
      })
    }
  })
}
