import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { accept, Broadcast } from '../../../server/index.ts'
import { gate } from '../../support/gate.ts'
import { connectWire, replyTo } from '../../support/wire-client.ts'
import { ask, cleanUp, isEvent, join, log, member, room, serve } from './harness.ts'

/** The sweep comes every hundredth of the idle timeout. */
const websocket = { timeoutMs: 20_000 }

/** Time enough to connect and join, on a busy machine. */
const SHORT_MS = '1000'

const yielded = () => new Promise((resolve) => setImmediate(resolve))

describe('a connection that was let in for a time', () => {
  afterEach(cleanUp)

  /** A server that lets in for `ms`, where the client asks for that. */
  const serving = (channel = room()) =>
    serve(channel, {
      connect: ({ ms }) => accept({}, null, ms === undefined ? undefined : Date.now() + Number(ms)),
      websocket,
    })

  it('gets no broadcast once that is over, and is closed with 4401 later', async () => {
    const { url, endpoint } = await serving()
    const client = await member(url, 'room:a', { params: { ms: SHORT_MS } })
    await join(client, 'room:b')
    endpoint.broadcast('room:a', 'before', {})
    await client.next(isEvent('before'))
    // Its subscriptions are given up at once on the server's side, and nothing tells of it.
    while (endpoint.size.lanes > 0) await yielded()
    expect(endpoint.size.channels).to.equal(2)
    endpoint.broadcast('room:a', 'after', {})
    endpoint.broadcast('room:b', 'after', {})
    expect(await client.fence()).to.deep.equal([])
    expect((await client.closed).code).to.equal(4401)
    expect(client.frames.filter(isEvent('after'))).to.deep.equal([])
  })

  it('does not come back to broadcasts by what it still asks for', async () => {
    const subscribed = room({
      on: { subscribe: (socket) => void socket.subscribe('other', { as: socket.topic }) },
    })
    const { url, endpoint } = await serving(subscribed)
    const client = await member(url, 'room:a', { params: { ms: SHORT_MS } })
    while (endpoint.size.lanes > 0) await yielded()
    client.push({ topic: 'room:a', event: 'subscribe', joinRef: '1' })
    await client.fence()
    while (endpoint.size.lanes > 0) await yielded()
    endpoint.broadcast('other', 'after', {})
    expect(await client.fence()).to.deep.equal([])
  })

  it('is still answered, and sent away by its channel when that likes to', async () => {
    const { url } = await serving(
      room({
        on: {
          state: (socket) => void socket.socketRef().reply('ok', { expired: socket.expired }),
          leave(socket) {
            socket.push('bye', {})
            socket.expire()
            socket.push('never', {})
          },
        },
      }),
    )
    const client = await member(url, 'room:a', { params: { ms: SHORT_MS } })
    const states: unknown[] = []
    while (states.at(-1) !== true) {
      const { payload } = await ask(client, 'room:a', 'state')
      states.push((payload as { response: { expired: unknown } }).response.expired)
    }
    expect(states[0]).to.equal(false)
    client.push({ topic: 'room:a', event: 'leave', joinRef: '1' })
    await client.next(isEvent('bye'))
    expect((await client.closed).code).to.equal(4401)
    expect(client.frames.filter(isEvent('never'))).to.deep.equal([])
  })

  it('is delivered nothing from that moment on, swept or not', async () => {
    const sent = log<string>()
    const handling = gate()
    const { url } = await serve(
      room({
        on: {
          deliver(socket) {
            sent.push(socket.deliver(new Broadcast('room:a', 'delivered', {})))
            while (!socket.expired);
            sent.push(socket.deliver(new Broadcast('room:a', 'too late', {})))
            handling.open()
          },
        },
      }),
      { connect: ({ ms }) => accept({}, null, Date.now() + Number(ms)), websocket },
    )
    const client = await member(url, 'room:a', { params: { ms: SHORT_MS } })
    client.push({ topic: 'room:a', event: 'deliver', joinRef: '1' })
    await handling.opened
    expect(sent.all[0]).to.not.equal('dropped')
    expect(sent.all.at(-1)).to.equal('dropped')
    await client.fence()
    expect(client.frames.filter(isEvent('too late'))).to.deep.equal([])
  })

  it('is sent away when it joins', async () => {
    const { url, endpoint } = await serving()
    const client = await member(url, 'room:a', { params: { ms: SHORT_MS } })
    while (endpoint.size.lanes > 0) await yielded()
    client.push({ topic: 'room:b', event: 'phx_join', ref: '2', joinRef: '2' })
    expect((await client.closed).code).to.equal(4401)
    expect(client.frames.filter(replyTo('2'))).to.deep.equal([])
  })

  it('may be one of months, or without an end', async () => {
    const { url, endpoint } = await serving()
    const months = await member(url, 'room:a', { params: { ms: String(200 * 86_400_000) } })
    const forever = await member(url, 'room:a')
    const short = await connectWire(url, { params: { ms: '-5000' } })
    expect((await short.closed).code).to.equal(4401)
    endpoint.broadcast('room:a', 'e', {})
    for (const client of [months, forever]) await client.next(isEvent('e'))
  })

  it('is refused where its end is no time', async () => {
    const { url } = await serving()
    const refused = await connectWire(url, { params: { ms: 'soon' } }).catch((error) => error)
    expect(String(refused)).to.match(/403/)
  })
})
