import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { ok } from '../../../server/index.ts'
import { gate } from '../../support/gate.ts'
import { connectWire } from '../../support/wire-client.ts'
import { cleanUp, join, member, nextParts, parts, replied, room, serve } from './harness.ts'

describe('channels: heartbeat', () => {
  afterEach(cleanUp)

  describe('a heartbeat', () => {
    it('is answered ok (C3.76)', async () => {
      const { url } = await serve(room())
      const client = await connectWire(url)
      client.send('[null,"7","phoenix","heartbeat",{}]')
      expect(parts(await client.next())).to.deep.equal(replied(null, '7', 'phoenix', 'ok'))
    })

    it('is answered while a handler runs (C3.56)', async () => {
      const slow = gate()
      const { url } = await serve(room({ on: { slow: () => slow.opened } }))
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'slow' })
      expect(await client.fence()).to.deep.equal([])
      slow.open()
    })

    it('is answered beside a channel of that name, without its join_ref (C3.77)', async () => {
      const { url } = await serve(room({ topic: 'phoenix' }))
      const client = await connectWire(url)
      await join(client, 'phoenix', '1')
      client.push({ topic: 'phoenix', event: 'heartbeat', ref: '2', joinRef: '1' })
      expect(parts(await client.next())).to.deep.equal(replied(null, '2', 'phoenix', 'ok'))
    })

    it('is the only event of its topic that is not routed (C3.78)', async () => {
      const { url } = await serve(room({ topic: 'phoenix', on: { echo: (_socket, p) => ok(p) } }))
      const client = await connectWire(url)
      client.push({ topic: 'phoenix', event: 'echo', ref: '1' })
      await join(client, 'phoenix', '2')
      client.push({ topic: 'phoenix', event: 'echo', payload: { n: 1 }, ref: '3' })
      expect(await nextParts(client, 2)).to.deep.equal([
        replied(null, '1', 'phoenix', 'error', { reason: 'unmatched topic' }),
        replied('2', '3', 'phoenix', 'ok', { n: 1 }),
      ])
    })

    it('on another topic is an ordinary event', async () => {
      const { url } = await serve(room())
      const client = await connectWire(url)
      client.push({ topic: 'room:a', event: 'heartbeat', ref: '1' })
      const unmatched = replied(null, '1', 'room:a', 'error', { reason: 'unmatched topic' })
      expect(parts(await client.next())).to.deep.equal(unmatched)
    })
  })
})
