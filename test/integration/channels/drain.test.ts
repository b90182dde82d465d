import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import type { TerminateReason } from '../../../server/channel/result.ts'
import type { AnySocket } from '../../../server/channel/types.ts'
import { DRAIN_DEFAULTS } from '../../../server/drain.ts'
import { error, ok } from '../../../server/index.ts'
import { within } from '../../support/deadline.ts'
import { freePort } from '../../support/free-port.ts'
import { gate } from '../../support/gate.ts'
import { connectWire, replyTo } from '../../support/wire-client.ts'
import { cleanUp, join, log, member, nextParts, recorded, replied, room, serve } from './harness.ts'

describe('channels: drain', () => {
  afterEach(cleanUp)

  /** As many clients as that, each with a channel. */
  const members = (url: string, count: number) =>
    Promise.all(Array.from({ length: count }, () => member(url)))

  describe('a drain', () => {
    it('closes every socket with 1012, in batches, without another frame (C1.87, C1.88)', async () => {
      const channel = room({ terminate: (_reason, socket) => socket.push('bye', {}) })
      const { url, endpoint } = await serve(channel)
      const rounds = recorded(endpoint.telemetry.drained)
      const clients = await members(url, 5)
      await endpoint.drain({ ...DRAIN_DEFAULTS, batchSize: 2, batchIntervalMs: 20 })
      for (const client of clients) {
        expect(await client.closed).to.include({ code: 1012 })
        expect(client.frames, 'only the reply of the join').to.have.length(1)
      }
      expect(rounds.all).to.deep.equal([
        { count: 2, total: 5, index: 1, rounds: 3 },
        { count: 2, total: 5, index: 2, rounds: 3 },
        { count: 1, total: 5, index: 3, rounds: 3 },
      ])
      expect(endpoint.size).to.deep.equal({ connections: 0, channels: 0, topics: 0, lanes: 0 })
    })

    it('closes a socket with several channels, or with none, once (C1.89, C1.90)', async () => {
      const ends = log<TerminateReason>()
      const { url, endpoint } = await serve(room({ terminate: (reason) => ends.push(reason) }))
      const disconnected = recorded(endpoint.telemetry.disconnected)
      const [several, none] = await Promise.all([member(url), connectWire(url)])
      await join(several, 'room:b', '2')
      await endpoint.drain(DRAIN_DEFAULTS)
      for (const client of [several, none]) expect(await client.closed).to.include({ code: 1012 })
      expect(ends.all).to.deep.equal([{ type: 'draining' }, { type: 'draining' }])
      expect(disconnected.all.map(({ code }) => code)).to.deep.equal([1012, 1012])
    })

    it('reaches clients that send all the while with 1012 too', async () => {
      const { url, endpoint } = await serve(
        room({ on: { shout: (socket) => socket.broadcast('x', {}) } }),
      )
      const clients = await members(url, 30)
      const timer = setInterval(() => {
        for (const client of clients) {
          for (let n = 0; n < 20; n += 1) client.push({ topic: 'room:a', event: 'shout' })
        }
      }, 1)
      try {
        await Promise.all(clients.map((client) => client.next()))
        const drained = endpoint.drain(DRAIN_DEFAULTS)
        const codes = await Promise.all(clients.map(async ({ closed }) => (await closed).code))
        expect(codes).to.deep.equal(Array(30).fill(1012))
        await drained
      } finally {
        clearInterval(timer)
      }
    })

    it('does not wait for a moment in which nobody works', async () => {
      const work = () => new Promise((resolve) => setTimeout(resolve, 5, ok()))
      const { url, endpoint } = await serve(room({ on: { work } }))
      const clients = await members(url, 30)
      const busy = clients.map(async (client) => {
        for (let ref = 2; ; ref += 1) {
          client.push({ topic: 'room:a', event: 'work', ref })
          await client.next(replyTo(ref))
        }
      })
      const ends = Promise.allSettled(busy)
      let isCancelled = false
      const cancel = () => {
        isCancelled = true
      }
      await endpoint.drain({ ...DRAIN_DEFAULTS, cancel })
      const codes = await Promise.all(clients.map(async ({ closed }) => (await closed).code))
      expect(codes).to.deep.equal(Array(30).fill(1012))
      expect(isCancelled).to.equal(false)
      await ends
    })

    it('lets the handler that runs answer first', async () => {
      const slow = gate()
      const { url, endpoint } = await serve(
        room({ on: { slow: () => slow.opened.then(() => ok()) } }),
      )
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'slow', ref: '2' })
      await client.fence()
      const drained = endpoint.drain(DRAIN_DEFAULTS)
      await client.fence()
      slow.open()
      expect(await nextParts(client, 1)).to.deep.equal([replied('1', '2', 'room:a', 'ok')])
      expect(await client.closed).to.include({ code: 1012 })
      await drained
    })

    it('does not keep those that wait for nothing waiting', async () => {
      const slow = gate()
      const { url, endpoint } = await serve(
        room({ on: { slow: () => slow.opened.then(() => ok()) } }),
      )
      const [busy, idle] = await Promise.all([member(url), member(url)])
      busy.push({ topic: 'room:a', event: 'slow', ref: '2' })
      await busy.fence()
      const drained = endpoint.drain(DRAIN_DEFAULTS)
      expect(await idle.closed).to.include({ code: 1012 })
      busy.push({ topic: 'room:a', event: 'slow', ref: '3' })
      slow.open()
      const replies = ['2', '3'].map((ref) => replied('1', ref, 'room:a', 'ok'))
      expect(await nextParts(busy, 2), 'it is served until it is closed').to.deep.equal(replies)
      expect(await busy.closed).to.include({ code: 1012 })
      await drained
    })

    it('lets finish what outlives its handler', async () => {
      const slow = gate()
      const work = (socket: AnySocket) => {
        const { reply } = socket.socketRef()
        socket.waitUntil(slow.opened.then(() => reply('ok', {})))
      }
      const { url, endpoint } = await serve(room({ on: { work } }))
      const [busy, idle] = await Promise.all([member(url), member(url)])
      busy.push({ topic: 'room:a', event: 'work', ref: '2' })
      await busy.fence()
      const drained = endpoint.drain(DRAIN_DEFAULTS)
      await idle.closed
      slow.open()
      expect(await nextParts(busy, 1)).to.deep.equal([replied('1', '2', 'room:a', 'ok')])
      expect(await busy.closed).to.include({ code: 1012 })
      await drained
    })

    it('waits a moment for an answer that takes one', async () => {
      const cancelled = gate()
      const answer = async () => {
        await cancelled.opened
        // A commit, to keep what was answered.
        await sleep(50)
        return error('cancelled')
      }
      const { url, endpoint } = await serve(room({ on: { slow: answer } }))
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'slow', ref: '2' })
      await client.fence()
      await endpoint.drain({ ...DRAIN_DEFAULTS, deadlineMs: 3_000, cancel: () => cancelled.open() })
      const reply = replied('1', '2', 'room:a', 'error', { reason: 'cancelled' })
      expect(await nextParts(client, 1)).to.deep.equal([reply])
      expect(await client.closed).to.include({ code: 1012 })
    })

    it('asks what does not end to answer, and lets the answer out', async () => {
      const cancelled = gate()
      const { url, endpoint } = await serve(
        room({ on: { slow: () => cancelled.opened.then(() => error('cancelled')) } }),
      )
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'slow', ref: '2' })
      await client.fence()
      const cancel = () => cancelled.open()
      await endpoint.drain({ ...DRAIN_DEFAULTS, deadlineMs: 400, cancel })
      const answer = replied('1', '2', 'room:a', 'error', { reason: 'cancelled' })
      expect(await nextParts(client, 1)).to.deep.equal([answer])
      expect(await client.closed).to.include({ code: 1012 })
    })

    it('closes more at once where the deadline would not suffice', async () => {
      const { url, endpoint } = await serve(room())
      const rounds = recorded(endpoint.telemetry.drained)
      const clients = await members(url, 10)
      await endpoint.drain({ deadlineMs: 400, batchSize: 1, batchIntervalMs: 100 })
      for (const client of clients) expect(await client.closed).to.include({ code: 1012 })
      expect(rounds.all).to.have.length.within(1, 3)
    })

    it('lets terminate finish, however long it takes within the deadline', async () => {
      const steps = log<string>()
      const channel = room({
        async terminate() {
          steps.push('ending')
          await sleep(800)
          steps.push('ended')
        },
      })
      const { url, endpoint } = await serve(channel)
      await member(url)
      await endpoint.drain(DRAIN_DEFAULTS)
      expect(steps.all).to.deep.equal(['ending', 'ended'])
    })

    it('is over at its deadline, whatever still runs (C1.91)', async () => {
      const never = new Promise(() => undefined)
      const ends = log<TerminateReason>()
      const channel = room({
        join: (_socket, { hang }) => (hang ? never : ok()),
        on: { hang: () => never },
        terminate(reason) {
          ends.push(reason)
          return never
        },
      })
      const { url, endpoint } = await serve(channel)
      const [busy, joining] = await Promise.all([member(url), connectWire(url)])
      busy.push({ topic: 'room:a', event: 'hang' })
      const payload = { hang: true }
      joining.push({ topic: 'room:a', event: 'phx_join', payload, ref: '1', joinRef: '1' })
      await busy.fence()
      const drained = endpoint.drain({ deadlineMs: 200, batchSize: 1, batchIntervalMs: 60_000 })
      await within(drained, 10_000, 'the end of the drain')
      for (const client of [busy, joining]) expect(await client.closed).to.include({ code: 1012 })
      expect(ends.all).to.deep.equal([{ type: 'draining' }])
    })

    it('takes no new connection, and frees the port', async () => {
      const slow = gate()
      const port = await freePort()
      const { url, endpoint } = await serve(room({ on: { slow: () => slow.opened } }), { port })
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'slow' })
      await client.fence()
      const drained = endpoint.drain(DRAIN_DEFAULTS)
      const refused = await connectWire(url).catch((error: NodeJS.ErrnoException) => error.code)
      expect(refused).to.equal('ECONNREFUSED')
      slow.open()
      await drained
      await member((await serve(room(), { port })).url)
    })

    it('may be asked for twice', async () => {
      const { url, endpoint } = await serve(room())
      const client = await member(url)
      await Promise.all([endpoint.drain(DRAIN_DEFAULTS), endpoint.drain(DRAIN_DEFAULTS)])
      await endpoint.drain(DRAIN_DEFAULTS)
      expect(await client.closed).to.include({ code: 1012 })
    })
  })

  describe('an endpoint', () => {
    it('says that its port is taken', async () => {
      const { url } = await serve(room())
      const taken = serve(room(), { port: Number(new URL(url).port) })
      const error = await taken.catch((reason: unknown) => reason)
      expect(error)
        .to.be.instanceOf(Error)
        .with.property('message')
        .that.matches(/port is taken/)
    })
  })
})
