import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import type { WebSocket } from 'ws'
import type { TerminateReason } from '../../../server/channel/result.ts'
import type { AnySocket } from '../../../server/channel/types.ts'
import { Broadcast, ok } from '../../../server/index.ts'
import { decodeServerFrame, type WireMessage } from '../../support/client-codec.ts'
import { replyTo } from '../../support/wire-client.ts'
import {
  ask,
  cleanUp,
  crashOf,
  isEvent,
  join,
  log,
  member,
  parts,
  recorded,
  room,
  serve,
} from './harness.ts'
import { closeCode, openRaw, terminateRaws } from './raw-socket.ts'

describe('channels: slow consumer', () => {
  afterEach(async () => {
    terminateRaws()
    await cleanUp()
  })

  /** Big enough that the operating system's own buffers fill up soon. */
  const PAD = 'x'.repeat(200_000)
  const MAX_BUFFERED_BYTES = 1_000_000

  /** Sockets of the channels, as they are joined, and why they ended. */
  function observed() {
    const sockets = log<AnySocket>()
    const ends = log<TerminateReason>()
    const channel = room({
      on: {
        keep(socket) {
          sockets.push(socket)
          return ok()
        },
      },
      terminate: (reason) => ends.push(reason),
    })
    return { channel, sockets, ends }
  }

  /** A client of `room:a` that records what it reads, and can stop reading. */
  async function pausable(url: string) {
    const socket = await openRaw(url)
    const frames: WireMessage[] = []
    socket.on('message', (data: Buffer) => frames.push(decodeServerFrame('v2', data.toString())))
    const replied = async (event: string) => {
      socket.send(JSON.stringify(['1', '1', 'room:a', event, {}]))
      await once(socket, 'message')
    }
    await replied('phx_join')
    await replied('keep')
    return { socket, frames }
  }

  /** The numbers of the messages that came, in the order they came. */
  const numbers = (frames: readonly WireMessage[]) =>
    frames.filter(isEvent('numbered')).map(({ payload }) => (payload as { n: number }).n)

  const upTo = (count: number) => Array.from({ length: count }, (_, n) => n)

  /** Reads again, to the end. */
  async function readOn(socket: WebSocket): Promise<number> {
    const code = closeCode(socket)
    socket.resume()
    return code
  }

  describe('a client that stops reading', () => {
    it('is cut, sees no hole in what it was pushed, and holds back nobody', async () => {
      const { channel, sockets, ends } = observed()
      const { url, endpoint } = await serve(channel, {
        websocket: { maxBufferedBytes: MAX_BUFFERED_BYTES },
      })
      const dropped = recorded(endpoint.telemetry.dropped)
      const slow = await pausable(url)
      const toSlow = await sockets.next()
      const other = await member(url)
      await ask(other, 'room:a', 'keep')
      const toOther = await sockets.next()

      slow.socket.pause()
      let sent = 0
      while (dropped.all.length === 0) {
        for (const socket of [toSlow, toOther]) socket.push('numbered', { n: sent, pad: PAD })
        await other.next(isEvent('numbered'))
        sent += 1
      }
      for (const n of [sent, sent + 1]) toSlow.push('numbered', { n, pad: '' })
      expect(await ends.next()).to.deep.equal({ type: 'closed' })
      expect(await readOn(slow.socket)).to.equal(1006)
      const seen = numbers(slow.frames)
      expect(seen).to.deep.equal(upTo(seen.length))
      expect(seen.length).to.be.within(1, sent - 1)
      expect(dropped.all).to.deep.equal([{ reason: 'slow_consumer', count: 1 }])
      expect(endpoint.size).to.include({ connections: 1, channels: 1 })
      expect((await ask(other, 'room:a', 'keep')).payload).to.have.property('status', 'ok')
    })

    it('is cut, sees no hole in what was broadcast, and holds back nobody', async () => {
      for (const size of [PAD.length, 2_000]) {
        const { channel, ends } = observed()
        const { url, endpoint } = await serve(channel, {
          websocket: { maxBufferedBytes: MAX_BUFFERED_BYTES },
        })
        const dropped = recorded(endpoint.telemetry.dropped)
        const slow = await pausable(url)
        const [other, old] = await Promise.all([
          member(url),
          member(url, 'room:a', { vsn: '1.0.0' }),
        ])

        slow.socket.pause()
        // Small ones a few hundred at a time: more than uWebSockets.js sends a subscriber in one batch.
        const batch = Math.ceil(PAD.length / size)
        const pad = PAD.slice(0, size)
        let sent = 0
        while (dropped.all.length === 0) {
          for (let each = 0; each < batch; each += 1, sent += 1) {
            endpoint.broadcast('room:a', 'numbered', { n: sent, pad })
          }
          const last = ({ payload }: WireMessage) => (payload as { n?: number }).n === sent - 1
          await Promise.all([other.next(last), old.next(last)])
        }
        for (const n of [sent, sent + 1]) endpoint.broadcast('room:a', 'numbered', { n, pad: '' })
        expect(await ends.next()).to.deep.equal({ type: 'closed' })
        expect(await readOn(slow.socket)).to.equal(1006)
        const seen = numbers(slow.frames)
        expect(seen).to.deep.equal(upTo(seen.length))
        expect(seen.length).to.be.within(1, sent - 1)
        await Promise.all([other.fence(), old.fence()])
        expect(numbers(other.frames)).to.deep.equal(upTo(sent + 2))
        expect(numbers(old.frames)).to.deep.equal(upTo(sent + 2))
      }
    })

    it('and reads again in the very moment it is lost sees no hole either', async () => {
      let sent = 0
      const { url, endpoint } = await serve(room({ on: { more: () => next() } }), {
        websocket: { maxBufferedBytes: 100_000 },
      })
      const next = () => {
        endpoint.broadcast('room:a', 'numbered', { n: sent, pad: PAD.slice(0, 1_000) })
        sent += 1
      }
      const dropped = recorded(endpoint.telemetry.dropped)
      const flag = new Int32Array(new SharedArrayBuffer(4))
      const workerData = { url, flag }
      const reader = new Worker(new URL('./late-reader.mjs', import.meta.url), { workerData })
      reader.unref()
      await once(reader, 'message')
      // From a timer: the next thing that this thread does is to look at its sockets.
      await new Promise<void>((resolve) => setTimeout(resolve))
      while (dropped.all.length === 0) next()
      const lost = sent
      Atomics.store(flag, 0, 1)
      Atomics.notify(flag, 0)
      Atomics.wait(flag, 0, 1, 10_000)
      const [{ code, numbers: seen }] = (await once(reader, 'message')) as [
        { readonly code: number; readonly numbers: readonly number[] },
      ]
      expect(sent, 'broadcast after it was lost').to.equal(lost + 2)
      expect(code).to.equal(1006)
      expect(seen).to.deep.equal(upTo(seen.length))
      expect(seen.length).to.be.within(1, lost)
    })

    it('is not worked for any more, whatever else it had asked in the same moment', async () => {
      const handled = log<string>()
      const channel = room({
        on: {
          flood(socket) {
            handled.push('flood')
            for (const n of upTo(100)) socket.push('numbered', { n, pad: PAD })
          },
          more() {
            handled.push('more')
          },
        },
        terminate: () => handled.push('terminate'),
      })
      const { url } = await serve(channel, { websocket: { maxBufferedBytes: MAX_BUFFERED_BYTES } })
      const socket = await openRaw(url)
      socket.send('["1","1","room:a","phx_join",{}]')
      await once(socket, 'message')
      socket.pause()
      // The server runs in this process: it finds all of them at once.
      for (const event of ['flood', 'more', 'more']) socket.send(`["1","2","room:a","${event}",{}]`)
      expect(await readOn(socket)).to.equal(1006)
      await handled.next((what) => what === 'terminate')
      expect(handled.all).to.deep.equal(['flood', 'terminate'])
    })

    it('and reads on in time loses nothing', async () => {
      const { channel, sockets } = observed()
      const { url } = await serve(channel, { websocket: { maxBufferedBytes: 100_000_000 } })
      const slow = await pausable(url)
      const socket = await sockets.next()
      slow.socket.pause()
      for (let n = 0; n < 100; n += 1) socket.push('numbered', { n, pad: PAD })
      slow.socket.resume()
      while (numbers(slow.frames).length < 100) await once(slow.socket, 'message')
      expect(numbers(slow.frames)).to.deep.equal(upTo(100))
    })

    it('and is closed by the server ends all the same', async () => {
      const { channel, sockets, ends } = observed()
      const { url, endpoint } = await serve(channel, {
        websocket: { maxBufferedBytes: 100_000_000 },
      })
      const slow = await pausable(url)
      const socket = await sockets.next()
      slow.socket.pause()
      while (socket.deliver(new Broadcast('room:a', 'numbered', { n: 0, pad: PAD })) === 'sent');
      await endpoint.drain({ deadlineMs: 0, batchSize: 1, batchIntervalMs: 0 })
      expect(await ends.next()).to.deep.equal({ type: 'draining' })
      expect(endpoint.size.connections).to.equal(0)
      await readOn(slow.socket)
    })
  })

  describe('deliver and onceDrained', () => {
    const broadcast = () => new Broadcast('room:a', 'numbered', { n: 0, pad: PAD })

    it('pace a sender: sent, then buffered, then told when there is room again', async () => {
      const { channel, sockets, ends } = observed()
      const { url } = await serve(channel, { websocket: { maxBufferedBytes: 100_000_000 } })
      const slow = await pausable(url)
      const socket = await sockets.next()
      expect(socket.deliver(broadcast())).to.equal('sent')
      slow.socket.pause()
      while (socket.deliver(broadcast()) === 'sent');
      let calls = 0
      const drained = new Promise<void>((resolve) => {
        socket.onceDrained(() => {
          calls += 1
          resolve()
        })
      })
      slow.socket.resume()
      await drained
      expect(socket.deliver(broadcast())).to.equal('sent')
      slow.socket.terminate()
      await ends.next()
      expect(calls, 'also at the end').to.equal(1)
    })

    it('say dropped once the client is lost', async () => {
      const { channel, sockets } = observed()
      const { url } = await serve(channel, {
        websocket: { maxBufferedBytes: MAX_BUFFERED_BYTES },
      })
      const slow = await pausable(url)
      const socket = await sockets.next()
      slow.socket.pause()
      while (socket.deliver(broadcast()) !== 'dropped');
      expect(socket.deliver(new Broadcast('room:a', 'small', {}))).to.equal('dropped')
      await readOn(slow.socket)
      expect(slow.frames.filter(isEvent('small'))).to.deep.equal([])
      expect(socket.deliver(broadcast())).to.equal('dropped')
    })

    it('call at once where nothing is buffered, and at the end of a connection that does not drain', async () => {
      const { channel, sockets } = observed()
      const { url } = await serve(channel, { websocket: { maxBufferedBytes: 100_000_000 } })
      const slow = await pausable(url)
      const socket = await sockets.next()
      await new Promise<void>((resolve) => socket.onceDrained(resolve))
      slow.socket.pause()
      while (socket.deliver(broadcast()) === 'sent');
      const drained = new Promise<void>((resolve) => socket.onceDrained(resolve))
      slow.socket.terminate()
      await drained
      expect(socket.deliver(broadcast())).to.equal('dropped')
      await new Promise<void>((resolve) => socket.onceDrained(resolve))
    })

    it('crash the channel whose listener throws, and nothing else', async () => {
      const { channel, sockets } = observed()
      const { url, endpoint } = await serve(channel, {
        websocket: { maxBufferedBytes: 100_000_000 },
      })
      const crashes = recorded(endpoint.telemetry.crashed)
      const throwing = () => {
        throw new Error('listener')
      }
      const client = await member(url)
      await ask(client, 'room:a', 'keep')
      ;(await sockets.next()).onceDrained(throwing)
      expect(parts(await client.next())).to.deep.equal(crashOf('1', 'room:a'))
      await join(client, 'room:a', '2')

      const slow = await pausable(url)
      const socket = await sockets.next()
      slow.socket.pause()
      while (socket.deliver(broadcast()) === 'sent');
      socket.onceDrained(throwing)
      slow.socket.resume()
      while (slow.frames.at(-1)?.event !== 'phx_error') await once(slow.socket, 'message')
      for (const _crash of [1, 2]) {
        expect((await crashes.next()).error).to.have.property('message', 'listener')
      }
      client.push({ topic: 'room:a', event: 'keep', ref: '3', joinRef: '2' })
      expect((await client.next(replyTo('3'))).payload).to.have.property('status', 'ok')
    })
  })
})
