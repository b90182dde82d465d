/** The official client by long-polling, in its newest version. */
import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { LongPoll, Presence, Socket } from 'phoenix'
import { msgpack } from '../../../client/msgpack.ts'
import { accept, ok } from '../../../server/index.ts'
import { createLocalPresence } from '../../../server/presence/local.ts'
import { createLocalPubSub } from '../../../server/pubsub/local.ts'
import { within } from '../../support/deadline.ts'
import { freePort } from '../../support/free-port.ts'
import {
  closesOf,
  collect,
  joinChannel,
  joinRefused,
  openSocket,
  pushOk,
} from '../../support/phoenix-client.ts'
import { cleanUp, log, member, recorded, room, serve } from '../channels/harness.ts'

describe('long-poll: phoenix.js', () => {
  afterEach(cleanUp)

  const OPEN_MS = 10_000
  const by = { transport: LongPoll }
  const echo = room({
    on: {
      echo: (_socket, payload) => ok(payload),
      shout: (socket, payload) => socket.broadcast('shout', payload),
      bytes: (_socket, payload) =>
        ok({ hex: Buffer.from(payload as unknown as Uint8Array).toString('hex') }),
    },
  })

  it('joins, pushes, hears, leaves (C4.35)', async () => {
    const { url, endpoint } = await serve(echo, { longpoll: {} })
    const socket = await openSocket(`${url}/socket`, by)
    const channel = socket.channel('room:a')
    const shouts = collect(channel, 'shout')
    await joinChannel(channel)
    expect(await pushOk(channel, 'echo', { a: [1, 'é𝄞'] })).to.deep.equal({ a: [1, 'é𝄞'] })
    channel.push('shout', { n: 1 })
    expect(await shouts.next()).to.deep.equal({ n: 1 })
    endpoint.broadcast('room:a', 'shout', { n: 2 })
    expect(await shouts.next()).to.deep.equal({ n: 2 })
    const left = recorded(endpoint.telemetry.left)
    channel.leave()
    expect(await left.next()).to.deep.equal({ topic: 'room:a', reason: 'left' })
  })

  it('speaks MessagePack, bytes too, and is answered in V2: client/msgpack falls back as it is', async () => {
    const { url, endpoint } = await serve(echo, { longpoll: {} })
    const socket = await openSocket(`${url}/socket`, { ...msgpack, ...by })
    const channel = socket.channel('room:a')
    const shouts = collect(channel, 'shout')
    await joinChannel(channel)
    expect(await pushOk(channel, 'echo', { a: [1, 'é𝄞'] })).to.deep.equal({ a: [1, 'é𝄞'] })
    const bytes = Uint8Array.of(0, 255).buffer
    expect(await pushOk(channel, 'bytes', bytes as unknown as object)).to.deep.equal({
      hex: '00ff',
    })
    endpoint.broadcast('room:a', 'shout', { n: 2 })
    expect(await shouts.next()).to.deep.equal({ n: 2 })
  })

  it('is refused as by a WebSocket, and can join on', async () => {
    const { url } = await serve(echo, { longpoll: {}, maxChannels: 1 })
    const socket = await openSocket(`${url}/socket`, by)
    expect(await joinRefused(socket.channel('nowhere'))).to.deep.equal({
      reason: 'unmatched topic',
    })
    await joinChannel(socket.channel('room:a'))
    expect(await joinRefused(socket.channel('room:b'))).to.deep.equal({
      reason: 'too many channels joined',
    })
  })

  it('pushes 250 messages in one turn, and all arrive in order (C4.24)', async () => {
    const got = log<number>()
    const channel = room({ on: { note: (_socket, { n }) => void got.push(n as number) } })
    const { url } = await serve(channel, { longpoll: {} })
    const notes = (await openSocket(`${url}/socket`, by)).channel('room:a')
    await joinChannel(notes)
    for (let n = 0; n < 250; n += 1) notes.push('note', { n })
    await got.next((n) => n === 249)
    expect(got.all).to.deep.equal(Array.from({ length: 250 }, (_, n) => n))
  })

  it('pushes bytes (C4.37)', async () => {
    const { url } = await serve(echo, { longpoll: {} })
    const channel = (await openSocket(`${url}/socket`, by)).channel('room:a')
    await joinChannel(channel)
    const { buffer } = Uint8Array.of(0, 0x0a, 0x80, 0xff)
    expect(await pushOk(channel, 'bytes', buffer)).to.deep.equal({ hex: '000a80ff' })
  })

  it('goes on polling where bytes are pushed to it (C4.38)', async () => {
    const { url, endpoint } = await serve(echo, { longpoll: {} })
    const socket = await openSocket(`${url}/socket`, by)
    const closes = closesOf(socket)
    const channel = socket.channel('room:a')
    const shouts = collect(channel, 'shout')
    await joinChannel(channel)
    endpoint.broadcast('room:a', 'bin', Buffer.of(0xff))
    endpoint.broadcast('room:a', 'shout', { n: 1 })
    expect(await shouts.next()).to.deep.equal({ n: 1 })
    expect(closes.all).to.deep.equal([])
  })

  it('sends its auth token', async () => {
    const tokens = log<unknown>()
    const { url } = await serve(echo, {
      longpoll: { authToken: true },
      connect(_params, info) {
        tokens.push((info as { auth_token: unknown }).auth_token)
        return accept()
      },
    })
    await openSocket(`${url}/socket`, { ...by, authToken: 'a.b+c/d' } as object)
    expect(tokens.all).to.deep.equal(['a.b+c/d'])
  })

  it('knows who is there', async () => {
    const pubsub = createLocalPubSub()
    const presence = createLocalPresence(pubsub)
    const channel = room({
      join(socket) {
        socket.sendInfo('here')
        return ok()
      },
      info(socket) {
        presence.track(socket, socket.id ?? '', {})
        socket.push('presence_state', presence.list(socket))
      },
    })
    const { url } = await serve(channel, {
      pubsub,
      longpoll: {},
      connect: ({ name = '' }) => accept({}, name),
    })
    const synced = log<readonly string[]>()
    const here = (await openSocket(`${url}/socket`, { ...by, params: { name: 'ann' } })).channel(
      'room:a',
    )
    const people = new Presence(here)
    people.onSync(() => synced.push(people.list((key) => key).sort()))
    await joinChannel(here)
    await synced.next((names) => names.join() === 'ann')
    await member(url, 'room:a', { params: { name: 'bob' } })
    await synced.next((names) => names.join() === 'ann,bob')
    await presence.close()
  })

  describe('comes back by itself, and rejoins', () => {
    /** A client whose joins are told. */
    async function joined(url: string) {
      const socket = await openSocket(`${url}/socket`, { ...by, params: { name: 'ann' } })
      const closes = closesOf(socket)
      const joins = log<string>()
      const channel = socket.channel('room:a')
      channel.join().receive('ok', () => joins.push('joined'))
      await joins.next()
      return { closes, joins, channel }
    }
    const ann = { longpoll: { windowMs: 1_000 }, connect: () => accept({}, 'ann') } as const

    it('after a disconnect (C4.36)', async () => {
      const { url, endpoint } = await serve(echo, ann)
      const { closes, joins, channel } = await joined(url)
      endpoint.broadcast('ann', 'disconnect', {})
      await joins.next()
      expect(closes.all).to.deep.equal([3410])
      expect(await pushOk(channel, 'echo', { n: 1 })).to.deep.equal({ n: 1 })
    })

    it('after a message that ended its session', async () => {
      const { url } = await serve(echo, { longpoll: { windowMs: 1_000, maxMessageBytes: 1_000 } })
      const { joins, channel } = await joined(url)
      channel.push('echo', { big: 'x'.repeat(1_000) })
      await joins.next()
      expect(await pushOk(channel, 'echo', { n: 1 })).to.deep.equal({ n: 1 })
    })

    it('after its server restarted: it is told at once, and by a code that lets it come back', async () => {
      const port = await freePort()
      const first = await serve(echo, { ...ann, port })
      const { closes, joins, channel } = await joined(first.url)
      await first.endpoint.drain({ deadlineMs: 5_000, batchSize: 10, batchIntervalMs: 0 })
      expect(await closes.next()).to.equal(1011)
      await serve(echo, { ...ann, port })
      await joins.next()
      expect(await pushOk(channel, 'echo', { n: 1 })).to.deep.equal({ n: 1 })
    })

    for (const [limits, reason] of [
      [{ maxLongPollSessions: 1 }, 'sessions'],
      [{ maxConnectionsPerAddress: 1 }, 'address_connections'],
    ] as const) {
      it(`after there was no room for it: ${reason}`, async () => {
        const { url, endpoint } = await serve(echo, {
          longpoll: {},
          limits,
          connect: ({ name = null }) => accept({}, name),
        })
        const refused = recorded(endpoint.telemetry.refused)
        await openSocket(`${url}/socket`, { ...by, params: { name: 'first' } })
        const second = new Socket(`${url}/socket`, by)
        const opened = new Promise((resolve) => second.onOpen(() => resolve('opened')))
        second.connect()
        expect(await refused.next()).to.include({ reason })
        endpoint.broadcast('first', 'disconnect', {})
        expect(await within(opened, OPEN_MS, 'the second client')).to.equal('opened')
        second.disconnect()
      })
    }
  })
})
