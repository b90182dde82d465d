import { once } from 'node:events'
import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import type { WebSocket } from 'ws'
import type { TerminateReason } from '../../../server/channel/result.ts'
import { ok } from '../../../server/index.ts'
import { frameBytes, WEBSOCKET_DEFAULTS } from '../../../server/transport/websocket.ts'
import { connectWire } from '../../support/wire-client.ts'
import { ask, cleanUp, join, log, member, parts, replied, room, serve } from './harness.ts'
import { closeCode, openRaw, terminateRaws } from './raw-socket.ts'

describe('channels: connection', () => {
  afterEach(async () => {
    terminateRaws()
    await cleanUp()
  })

  const TIMEOUT_MS = 200
  /** Well within the timeout, however busy the machine. */
  const ALIVE_MS = 10

  /** Sends something again and again, for as long as the connection is open. */
  function repeatedly(socket: WebSocket, send: () => void): void {
    const timer = setInterval(send, ALIVE_MS)
    socket.once('close', () => clearInterval(timer))
  }

  /** Lets some timeouts pass: as many silent clients as that are closed, one after another. */
  async function outlive(url: string, timeouts = 3): Promise<void> {
    for (let each = 0; each < timeouts; each += 1) {
      expect(await closeCode(await openRaw(url))).to.equal(1002)
    }
  }

  /** Whether a socket answers a heartbeat. */
  async function answers(socket: WebSocket): Promise<boolean> {
    socket.send('[null,"alive?","phoenix","heartbeat",{}]')
    const [data] = (await once(socket, 'message')) as [Buffer]
    return data.toString().includes('alive?')
  }

  describe('a client that sends nothing', () => {
    it('is closed with 1002 after the timeout, 60 s unless told (C1.72)', async () => {
      expect(WEBSOCKET_DEFAULTS.timeoutMs).to.equal(60_000)
      const ends = log<TerminateReason>()
      const channel = room({ terminate: (reason) => ends.push(reason) })
      const { url, endpoint } = await serve(channel, { websocket: { timeoutMs: TIMEOUT_MS } })
      const client = await member(url)
      expect(await client.closed).to.include({ code: 1002 })
      expect(ends.all).to.deep.equal([{ type: 'closed' }])
      expect(endpoint.size).to.deep.equal({ connections: 0, channels: 0, topics: 0, lanes: 0 })
    })

    it('is closed though the server sends (C1.74)', async () => {
      const { url, endpoint } = await serve(room(), { websocket: { timeoutMs: TIMEOUT_MS } })
      const client = await member(url)
      const timer = setInterval(() => endpoint.broadcast('room:a', 'news', {}), ALIVE_MS)
      try {
        expect(await client.closed).to.include({ code: 1002 })
        expect(client.frames.length).to.be.above(2)
      } finally {
        clearInterval(timer)
      }
    })
  })

  describe('a client that sends pings, pongs or heartbeats', () => {
    it('stays, whatever it does not send (C1.73)', async () => {
      const { url, endpoint } = await serve(room(), { websocket: { timeoutMs: 2 * TIMEOUT_MS } })
      const ways: readonly ((socket: WebSocket) => void)[] = [
        (socket) => socket.ping(),
        (socket) => socket.pong(),
        (socket) => socket.send('[null,"1","phoenix","heartbeat",{}]'),
      ]
      for (const send of ways) {
        const socket = await openRaw(url)
        repeatedly(socket, () => send(socket))
      }
      await outlive(url)
      expect(endpoint.size.connections).to.equal(ways.length)
    })
  })

  describe('a ping', () => {
    it('is answered with the same payload (C1.75)', async () => {
      const { url } = await serve(room())
      const socket = await openRaw(url)
      for (const payload of ['', 'hello', 'x'.repeat(125)]) {
        socket.ping(payload)
        const [data] = (await once(socket, 'pong')) as [Buffer]
        expect(data.toString()).to.equal(payload)
      }
    })
  })

  describe('a frame', () => {
    const echo = room({ on: { echo: (_socket, payload) => ok(payload) } })
    const LIMIT = 4_096
    /** A text frame of exactly so many bytes, header and mask included. */
    const frameOf = (bytes: number) => {
      const frame = (pad: string) => JSON.stringify([null, '1', 'room:a', 'echo', { pad }])
      const header = frameBytes(bytes) - bytes
      return frame('x'.repeat(bytes - header - frame('').length))
    }

    it('as large as the limit is taken; one byte more closes with 1009 (C1.76)', async () => {
      const { url, endpoint } = await serve(echo, { websocket: { maxFrameBytes: LIMIT } })
      const [client, other] = await Promise.all([member(url), member(url)])
      client.send(frameOf(LIMIT))
      expect((await client.next()).payload).to.have.property('status', 'ok')
      client.send(frameOf(LIMIT + 1))
      expect(await client.closed).to.include({ code: 1009 })
      expect((await ask(other, 'room:a', 'echo')).payload).to.have.property('status', 'ok')
      expect(endpoint.size).to.include({ connections: 1, channels: 1 })
    })

    it('more than twice as large is cut without a close frame, and ends no other (C1.76)', async () => {
      const { url, endpoint } = await serve(echo, { websocket: { maxFrameBytes: LIMIT } })
      const [client, other] = await Promise.all([member(url), member(url)])
      client.send('x'.repeat(3 * LIMIT))
      expect(await client.closed).to.include({ code: 1006 })
      expect((await ask(other, 'room:a', 'echo')).payload).to.have.property('status', 'ok')
      expect(endpoint.size).to.include({ connections: 1, channels: 1 })
    })

    it('in fragments is one message, for the limit too (C1.77)', async () => {
      const { url } = await serve(echo, { websocket: { maxFrameBytes: LIMIT } })
      const socket = await openRaw(url)
      socket.send('[null,"1","phoen', { fin: false })
      socket.ping()
      socket.send('ix","heartbeat",{}]', { fin: true })
      const [data] = (await once(socket, 'message')) as [Buffer]
      expect(JSON.parse(data.toString())).to.deep.equal(replied(null, '1', 'phoenix', 'ok'))
      for (let each = 0; each < 3; each += 1)
        socket.send('x'.repeat(LIMIT / 2), { fin: each === 2 })
      expect(await closeCode(socket)).to.equal(1009)
    })

    it('of text that is no UTF-8 ends its connection alone (C1.78)', async () => {
      const { url } = await serve(echo)
      const other = await member(url)
      const socket = await openRaw(url)
      socket.send(Buffer.from([0x22, 0xff, 0x22]), { binary: false })
      expect(await closeCode(socket)).to.equal(1006)
      expect((await ask(other, 'room:a', 'echo')).payload).to.have.property('status', 'ok')
    })
  })

  describe('compression', () => {
    it('is negotiated only where the mount allows it (C1.79)', async () => {
      for (const compress of [false, true]) {
        const { url } = await serve(room(), { websocket: { compress } })
        const socket = await openRaw(url, '2.0.0', true)
        expect(socket.extensions.includes('permessage-deflate')).to.equal(compress)
        expect(await answers(socket)).to.equal(true)
      }
    })
  })

  describe('a connection', () => {
    it('without vsn speaks V1', async () => {
      const { url } = await serve(room())
      const client = await connectWire(url, { vsn: null })
      expect(parts(await join(client, 'room:a'))).to.deep.equal(replied(null, '1', 'room:a', 'ok'))
    })
  })
})
