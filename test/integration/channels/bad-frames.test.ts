import { expect } from 'chai'
import fc from 'fast-check'
import { afterEach, describe, it } from 'mocha'
import type { TerminateReason } from '../../../server/channel/result.ts'
import { ok } from '../../../server/index.ts'
import { gate } from '../../support/gate.ts'
import { connectWire } from '../../support/wire-client.ts'
import {
  cleanUp,
  crashOf,
  isEvent,
  join,
  log,
  member,
  nextParts,
  parts,
  recorded,
  replied,
  room,
  serve,
} from './harness.ts'

describe('channels: bad frames', () => {
  afterEach(cleanUp)

  /** Deep enough that JSON.parse takes it and JSON.stringify does not. */
  const DEEP = '['.repeat(100_000) + ']'.repeat(100_000)

  const UNDECODABLE = {
    v2: [
      '',
      ' ',
      'null',
      '{}',
      '"text"',
      '[]',
      '["1","1","room:a","echo"]',
      '["1","1","room:a","echo",{}',
      '["1","1","room:a","echo",{}]]',
      '["1","1","room:a","echo",NaN]',
      '\uFEFF["1","1","room:a","echo",{}]',
      '{"topic":"room:a","event":"echo","payload":{},"ref":"1"}',
    ],
    v1: [
      '',
      'null',
      '[]',
      '["1","1","room:a","echo",{}]',
      '{}',
      '{"event":"echo","payload":{},"ref":"1"}',
      '{"topic":"room:a","payload":{},"ref":"1"}',
      '{"topic":"room:a","event":"echo","ref":"1"}',
    ],
  }
  const UNDECODABLE_BYTES = [
    [],
    [0],
    [0, 1, 1, 1],
    [0, 1, 1, 1, 1],
    [0, 255, 0, 0, 0, 1],
    [0, 0, 0, 2, 0, 0xc3, 0x28],
    [1, 0, 0, 0, 0],
    [2, 0, 0, 0, 0],
    [7, 0, 0, 0, 0],
  ]

  const channel = room({ on: { echo: (_socket, payload) => ok(payload) } })

  describe('a frame that cannot be decoded', () => {
    it('closes its connection with 1011 and ends all its channels (C2.6, C2.7, C2.17, C2.18)', async () => {
      const ends = log<TerminateReason>()
      const { url } = await serve(room({ terminate: (reason) => ends.push(reason) }))
      for (const [version, vsn] of [
        ['v1', '1.0.0'],
        ['v2', '2.0.0'],
      ] as const) {
        for (const raw of UNDECODABLE[version]) {
          const client = await member(url, 'room:a', { vsn })
          await join(client, 'room:b', '2')
          client.send(raw)
          expect(await client.closed, `${version} ${raw}`).to.include({ code: 1011 })
          for (const _topic of ['a', 'b'])
            expect(await ends.next()).to.deep.equal({ type: 'closed' })
          expect(client.frames, 'no phx_error').to.have.length(2)
        }
      }
    })

    it('may be binary (C2.32, C2.33)', async () => {
      const { url } = await serve(channel)
      for (const bytes of UNDECODABLE_BYTES) {
        const client = await member(url)
        client.send(Uint8Array.from(bytes))
        expect(await client.closed, `<${bytes}>`).to.include({ code: 1011 })
      }
    })

    it('is counted, and no crash', async () => {
      const { url, endpoint } = await serve(channel)
      const dropped = recorded(endpoint.telemetry.dropped)
      const crashes = recorded(endpoint.telemetry.crashed)
      const client = await connectWire(url)
      client.send('[')
      await client.closed
      expect(await dropped.next()).to.deep.equal({ reason: 'undecodable_frame', count: 1 })
      expect(crashes.all).to.deep.equal([])
    })

    it('in JSON under V1 may as well be a binary frame (C2.19)', async () => {
      const { url } = await serve(channel)
      const client = await member(url, 'room:a', { vsn: '1.0.0' })
      const message = { topic: 'room:a', event: 'echo', payload: { n: 1 }, ref: '2' }
      client.send(Buffer.from(JSON.stringify(message)))
      expect((await client.next()).payload).to.deep.equal({ status: 'ok', response: { n: 1 } })
    })

    it('disturbs no other connection, whatever its bytes (C2.8)', async () => {
      const { url } = await serve(channel)
      const [sender, other] = await Promise.all([member(url), member(url)])
      await fc.assert(
        fc.asyncProperty(
          fc.oneof(fc.string(), fc.json(), fc.uint8Array({ maxLength: 300 })),
          async (garbage) => {
            const vandal = await member(url)
            vandal.send(garbage)
            sender.push({ topic: 'room:a', event: 'echo', payload: { n: 1 }, ref: '2' })
            const echoed = replied('1', '2', 'room:a', 'ok', { n: 1 })
            expect(parts(await sender.next())).to.deep.equal(echoed)
            vandal.terminate()
          },
        ),
        { numRuns: 200 },
      )
      expect(await other.fence()).to.deep.equal([])
    })
  })

  describe('a frame of odd values', () => {
    it('with a topic that is no string is unmatched, and the connection stays (C2.9)', async () => {
      const { url } = await serve(room({ topic: '*' }))
      const client = await connectWire(url)
      for (const topic of [1, null, true, ['room:a'], { a: 1 }]) {
        for (const event of ['phx_join', 'echo']) {
          client.push({ topic, event, ref: '2', joinRef: '2' })
          const unmatched = replied(null, '2', topic, 'error', { reason: 'unmatched topic' })
          expect(parts(await client.next())).to.deep.equal(unmatched)
        }
      }
    })

    it('with more than five members is taken by its first five (C2.5)', async () => {
      const { url } = await serve(channel)
      const client = await member(url)
      client.send('["1","2","room:a","echo",{"n":1},{"n":2}]')
      expect((await client.next()).payload).to.deep.equal({ status: 'ok', response: { n: 1 } })
    })

    it('with an event that is no string is an unknown event', async () => {
      const { url } = await serve(room())
      for (const event of [null, 1, true, [], {}, { toString: 1 }, ['echo']]) {
        const client = await member(url)
        client.push({ topic: 'room:a', event, ref: '2' })
        expect(parts(await client.next()), JSON.stringify(event)).to.deep.equal(
          crashOf('1', 'room:a'),
        )
      }
    })

    it('is told to telemetry where a catchAll takes it, sync or not', async () => {
      // String() throws for such an event. Out of an async handler that once ended the process.
      const events: readonly unknown[] = [{ toString: 1, valueOf: 1 }, null, 7]
      for (const later of [false, true]) {
        const taking = {
          ...channel,
          handleIn: () => (later ? Promise.resolve(ok()) : ok()),
        }
        const { url, endpoint } = await serve(taking)
        const handled = recorded(endpoint.telemetry.handled)
        const client = await member(url)
        for (const event of events) {
          client.push({ topic: 'room:a', event, ref: '2' })
          expect(parts(await client.next())).to.deep.equal(replied('1', '2', 'room:a', 'ok'))
        }
        for (const event of ['object', 'object', '7']) {
          expect(await handled.next()).to.include({ topic: 'room:a', event })
        }
      }
    })
  })

  describe('a ref too deep to be encoded', () => {
    it('ends the connection where the connection itself would answer', async () => {
      const { url } = await serve(channel)
      for (const frame of [
        `[null,${DEEP},"phoenix","heartbeat",{}]`,
        `[null,${DEEP},"nope","any",{}]`,
        `[null,${DEEP},"nope","phx_leave",{}]`,
        `[${DEEP},"1","room:b","phx_join",{}]`,
        `["1",${DEEP},"room:b","phx_join",{}]`,
        `[null,"1",${DEEP},"any",{}]`,
      ]) {
        const client = await member(url)
        client.send(frame)
        expect(await client.closed, frame.slice(0, 20)).to.include({ code: 1011 })
      }
    })

    it('crashes the channel that would answer', async () => {
      const { url } = await serve(channel)
      for (const event of ['echo', 'phx_leave']) {
        const client = await member(url)
        client.send(`["1",${DEEP},"room:a","${event}",{}]`)
        expect(parts(await client.next())).to.deep.equal(crashOf('1', 'room:a'))
      }
    })

    it('does so for a leave that had to wait', async () => {
      // Its answer is then encoded in a promise's turn: what it threw there once ended the process.
      const slow = gate()
      const { url } = await serve(room({ on: { slow: () => slow.opened } }))
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'slow' })
      client.send(`["1",${DEEP},"room:a","phx_leave",{}]`)
      await client.fence()
      slow.open()
      expect(parts(await client.next())).to.deep.equal(crashOf('1', 'room:a'))
      await join(client, 'room:a', '2')
    })

    it('of a payload crashes who sends it back', async () => {
      const { url } = await serve(channel)
      const [client, other] = await Promise.all([member(url), member(url)])
      client.send(`["1","2","room:a","echo",${DEEP}]`)
      expect(await nextParts(client, 1)).to.deep.equal([crashOf('1', 'room:a')])
      expect((await other.fence()).filter(isEvent('phx_error'))).to.deep.equal([])
    })
  })
})
