import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { Broadcast, ok } from '../../../server/index.ts'
import { ask, cleanUp, crashOf, log, member, parts, room, serve } from './harness.ts'

describe('channels: deliver', () => {
  afterEach(cleanUp)

  const news = (topic: string) => [null, null, topic, 'news', { n: 1 }]

  describe('deliver', () => {
    it('sends a broadcast to one client, encoded once for all of them', async () => {
      let encodings = 0
      const payload = {
        toJSON() {
          encodings += 1
          return { n: 1 }
        },
      }
      const broadcast = new Broadcast('room:a', 'news', payload)
      const channel = room({
        on: { deliver: (socket) => ok({ sent: socket.deliver(broadcast) }) },
      })
      const { url } = await serve(channel)
      const [v2, v1, other] = await Promise.all([
        member(url),
        member(url, 'room:a', { vsn: '1.0.0' }),
        member(url),
      ])
      for (const client of [v2, v1]) {
        client.push({ topic: 'room:a', event: 'deliver', ref: '2' })
        expect(parts(await client.next())).to.deep.equal(news('room:a'))
        const answer = (await client.next()).payload
        expect(answer).to.deep.equal({ status: 'ok', response: { sent: 'sent' } })
      }
      expect(await other.fence()).to.deep.equal([])
      expect(encodings).to.equal(1)
    })

    it('of what the wire cannot carry crashes the channel', async () => {
      const broadcast = new Broadcast('room:a', 'news', [])
      const channel = room({ on: { deliver: (socket) => void socket.deliver(broadcast) } })
      const { url } = await serve(channel)
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'deliver' })
      expect(parts(await client.next())).to.deep.equal(crashOf('1', 'room:a'))
    })

    it('after the end of the channel is dropped', async () => {
      const results = log<string>()
      const broadcast = new Broadcast('room:a', 'news', {})
      const channel = room({
        async terminate(_reason, socket) {
          results.push(socket.deliver(broadcast))
          await Promise.resolve()
          setImmediate(() => results.push(socket.deliver(broadcast)))
        },
      })
      const { url } = await serve(channel)
      const client = await member(url)
      await ask(client, 'room:a', 'phx_leave')
      expect([await results.next(), await results.next()]).to.deep.equal(['sent', 'dropped'])
    })
  })
})
