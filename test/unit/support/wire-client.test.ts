import type { IncomingMessage } from 'node:http'
import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import type { WebSocket } from 'ws'
import { Queue } from '../../support/queue.ts'
import { rejectionMessage } from '../../support/rejection.ts'
import { connectWire, replyTo, terminateWires, type WireFrame } from '../../support/wire-client.ts'
import { type FakeServer, startFake } from './fake-server.ts'

const event = (name: string) => (frame: WireFrame) => frame.event === name
const named = (frames: readonly WireFrame[]) => frames.map((frame) => frame.event)
const v2 = (ref: unknown, name: string) => JSON.stringify([null, ref, 'room:a', name, {}])

describe('the wire client', () => {
  let server: FakeServer | undefined

  afterEach(async () => {
    terminateWires()
    await server?.close()
  })

  async function fake(talk: (socket: WebSocket, request: IncomingMessage) => void) {
    server = await startFake(talk)
    return server.url
  }

  /** A server that answers each frame with the event names in it, as V2 frames. */
  function chatty(): Promise<string> {
    return fake((socket) => {
      socket.on('message', (data) => {
        const [, ref, , name] = JSON.parse(String(data))
        for (const each of String(name).split(' ')) {
          const isReply = each === 'heartbeat' || each === 'ask'
          socket.send(isReply ? v2(ref, 'phx_reply') : v2(null, each))
        }
      })
    })
  }

  it('asks for V2 at the socket path unless told otherwise', async () => {
    const urls: unknown[] = []
    const url = await fake((_socket, request) => urls.push(request.url))
    await connectWire(url)
    await connectWire(url, { vsn: null, params: { a: 'b c' }, path: '/strict/websocket' })
    await connectWire(url, { vsn: '1.0.0', params: { token: 't' } })
    expect(urls).to.deep.equal([
      '/socket/websocket?vsn=2.0.0',
      '/strict/websocket?a=b+c',
      '/socket/websocket?token=t&vsn=1.0.0',
    ])
  })

  it('sends headers and subprotocols', async () => {
    const heads: IncomingMessage['headers'][] = []
    const url = await fake((_socket, request) => heads.push(request.headers))
    await connectWire(url, { headers: { origin: 'http://x' }, protocols: ['phoenix'] })
    expect(heads[0]).to.include({ origin: 'http://x', 'sec-websocket-protocol': 'phoenix' })
  })

  it('pushes in the form of its version, and sends raw text and bytes as they are', async () => {
    const received = new Queue<string>(String)
    const url = await fake((socket) => {
      socket.on('message', (data: Buffer, isBinary) => {
        received.push(`${isBinary ? 'binary' : 'text'} ${data.toString('latin1')}`)
      })
    })
    const second = await connectWire(url)
    second.push({ topic: 't', event: 'e', ref: '2', joinRef: 1 })
    expect(await received.next()).to.equal('text [1,"2","t","e",{}]')
    second.push({ topic: 't', event: 'e', payload: null })
    expect(await received.next()).to.equal('text [null,null,"t","e",null]')
    second.push({ topic: 't', event: 'e', payload: Buffer.from([7]), ref: '2' })
    expect(await received.next()).to.equal('binary \0\0\x01\x01\x012te\x07')
    second.send('{')
    expect(await received.next()).to.equal('text {')
    second.send(Buffer.from([9]))
    expect(await received.next()).to.equal('binary \x09')
    const first = await connectWire(url, { vsn: '1.0.0' })
    first.push({ topic: 't', event: 'e', ref: '2' })
    expect(await received.next()).to.equal('text {"topic":"t","event":"e","payload":{},"ref":"2"}')
  })

  it('decodes the frames of both versions and keeps them as they came', async () => {
    const binary = Buffer.from('\x01\x01\x01\x01\x0212tokX', 'latin1')
    const object = '{"topic":"t","event":"e","payload":[1],"ref":null}'
    const url = await fake((socket, request) => {
      if (request.url?.includes('1.0.0')) socket.send(object)
      else socket.send(binary)
    })
    expect(await (await connectWire(url, { vsn: '1.0.0' })).next()).to.deep.equal({
      joinRef: null,
      ref: null,
      topic: 't',
      event: 'e',
      payload: [1],
      raw: object,
    })
    const reply = await (await connectWire(url)).next(replyTo('2'))
    expect(reply).to.deep.include({ joinRef: '1', ref: '2', topic: 't', raw: binary })
    expect(reply.payload).to.deep.equal({ status: 'ok', response: Buffer.from('X') })
  })

  it('misses nothing that the server says at once', async () => {
    const url = await fake((socket) => {
      socket.send(v2(null, 'a'))
      socket.send(v2(null, 'b'))
      socket.close(4001, 'bye')
    })
    const client = await connectWire(url)
    expect(await client.closed).to.deep.equal({ code: 4001, reason: 'bye' })
    expect(named(client.frames)).to.deep.equal(['a', 'b'])
    expect((await client.next()).event).to.equal('a')
    expect((await client.next()).event).to.equal('b')
    const error = await rejectionMessage(client.next())
    expect(error).to.include("closed with 4001 'bye'")
  })

  it('hands out each frame once, the first that matches, before or after it came', async () => {
    const client = await connectWire(await chatty())
    const later = [client.next(event('b')), client.next(), client.next(event('b'))]
    client.push({ topic: 'room:a', event: 'a b b c' })
    expect(named(await Promise.all(later))).to.deep.equal(['b', 'a', 'b'])
    expect((await client.next()).event).to.equal('c')
    expect(named(client.frames)).to.deep.equal(['a', 'b', 'b', 'c'])
  })

  it('says at the deadline what came instead', async () => {
    const client = await connectWire(await chatty())
    client.push({ topic: 'room:a', event: 'other' })
    await client.fence()
    const error = await rejectionMessage(client.next(event('wanted'), 1))
    expect(error).to.include('within 1 ms').and.to.include(v2(null, 'other'))
    expect((await client.next()).event).to.equal('other')
  })

  it('tells who waits that the connection ended, and what came instead', async () => {
    const url = await fake((socket) => {
      socket.send(v2(null, 'other'))
      socket.on('message', () => socket.terminate())
    })
    const client = await connectWire(url)
    const waiting = rejectionMessage(client.next(event('wanted')))
    client.send('')
    expect(await waiting)
      .to.include('closed with 1006')
      .and.to.include(v2(null, 'other'))
  })

  it('ends on a frame that the protocol does not know', async () => {
    const url = await fake((socket) => socket.send('[1,2,3]'))
    const client = await connectWire(url)
    expect(await rejectionMessage(client.next())).to.include('undecodable frame [1,2,3]')
    expect((await client.closed).code).to.equal(1006)
  })

  it('fences off what came before the reply and was not handed out', async () => {
    const client = await connectWire(await chatty())
    expect(await client.fence()).to.deep.equal([])
    client.push({ topic: 'room:a', event: 'a b' })
    await client.next(event('a'))
    client.push({ topic: 'room:a', event: 'c' })
    const before = await client.fence({ topic: 'room:a', event: 'd ask e' })
    expect(named(before)).to.deep.equal(['b', 'c', 'd'])
    expect((await client.next()).event).to.equal('b')
    expect((await client.next(event('e'))).event).to.equal('e')
  })

  it('closes with the code and reason it is told', async () => {
    const closes = new Queue<string>(String)
    const url = await fake((socket) => {
      socket.on('close', (code, reason) => closes.push(`${code} ${reason}`))
    })
    const client = await connectWire(url)
    client.close(4000, 'mine')
    expect(await closes.next()).to.equal('4000 mine')
    expect(await client.closed).to.deep.equal({ code: 4000, reason: 'mine' })
  })

  it('rejects when it is refused or nobody listens', async () => {
    const url = await fake(() => {})
    expect(await rejectionMessage(connectWire(url, { params: { reject: '1' } }))).to.include('403')
    await server?.close()
    expect(await rejectionMessage(connectWire(url))).to.include('ECONNREFUSED')
  })
})
