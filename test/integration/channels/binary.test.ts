import { Type as T } from '@sinclair/typebox'
import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { Binary, defineChannel, ok } from '../../../server/index.ts'
import { connectWire, replyTo } from '../../support/wire-client.ts'
import { cleanUp, closeOf, join, nextParts, parts, replied, serve } from './harness.ts'

describe('channels: binary', () => {
  afterEach(cleanUp)

  describe('binary messages', () => {
    const channel = defineChannel('bytes:*', {
      in: { echo: { payload: Binary, reply: Binary }, text: { payload: T.Object({}) } },
      join: (_socket, params) => ok(params instanceof Uint8Array ? params : {}),
      handleIn: { echo: (_socket, payload) => ok(payload), text: () => undefined },
    })

    it('reach a handler of bytes and come back, at every size that a frame header has (C2.27, C2.40)', async () => {
      const { url } = await serve(channel)
      const client = await connectWire(url)
      await join(client, 'bytes:a', '1')
      for (const size of [0, 1, 125, 126, 65_535, 65_536, 1_048_576]) {
        const payload = Uint8Array.from({ length: size }, (_, at) => at % 251)
        client.push({ topic: 'bytes:a', event: 'echo', payload, ref: `${size}`, joinRef: '1' })
        const { payload: answer } = await client.next(replyTo(`${size}`))
        const { status, response: bytes } = answer as { status: string; response: Uint8Array }
        expect(status).to.equal('ok')
        expect(Buffer.compare(bytes, payload), `${size} bytes`).to.equal(0)
      }
    })

    it('without join_ref are dropped by a joined channel (C2.34)', async () => {
      const { url } = await serve(channel)
      const client = await connectWire(url)
      await join(client, 'bytes:a', '1')
      const payload = Uint8Array.of(1)
      client.push({ topic: 'bytes:a', event: 'echo', payload, ref: '2' })
      expect(await client.fence()).to.deep.equal([])
    })

    it('can be heartbeats, joins and leaves (C2.35, C2.36, C2.37, C2.38)', async () => {
      const { url } = await serve(channel)
      const client = await connectWire(url)
      const payload = Uint8Array.of(7)
      client.push({ topic: 'phoenix', event: 'heartbeat', payload, ref: '1' })
      client.push({ topic: 'bytes:a', event: 'phx_join', payload, ref: '2', joinRef: '2' })
      client.push({ topic: 'bytes:a', event: 'phx_leave', payload, ref: '3', joinRef: '2' })
      expect(await nextParts(client, 4)).to.deep.equal([
        replied(null, '1', 'phoenix', 'ok'),
        replied('2', '2', 'bytes:a', 'ok', Uint8Array.of(7)),
        replied('2', '3', 'bytes:a', 'ok'),
        closeOf('2', 'bytes:a'),
      ])
    })

    it('and text do not pass for one another', async () => {
      const { url } = await serve(channel)
      const client = await connectWire(url)
      await join(client, 'bytes:a', '1')
      const invalid = (problem: string) =>
        replied('1', '2', 'bytes:a', 'error', { reason: `invalid payload: ${problem}` })
      client.push({ topic: 'bytes:a', event: 'echo', payload: [1], ref: '2', joinRef: '1' })
      expect(parts(await client.next())).to.deep.equal(invalid('must be binary'))
      const payload = Uint8Array.of(7)
      client.push({ topic: 'bytes:a', event: 'text', payload, ref: '2', joinRef: '1' })
      expect(parts(await client.next())).to.deep.equal(invalid('must not be binary'))
    })
  })
})
