import { createRequire } from 'node:module'
import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { type Channel as ClientChannel, Presence, type Socket } from 'phoenix'
import { msgpack } from '../../../client/msgpack.ts'
import { error, ok } from '../../../server/index.ts'
import { createLocalPresence } from '../../../server/presence/local.ts'
import { Broadcast } from '../../../server/protocol/broadcast.ts'
import { Bytes } from '../../../server/protocol/message.ts'
import { createLocalPubSub } from '../../../server/pubsub/local.ts'
import {
  collect,
  joinChannel,
  openSocket,
  pushError,
  pushOk,
} from '../../support/phoenix-client.ts'
import { presenceRoom } from '../../support/presence-room.ts'
import { ask, cleanUp, isEvent, log, member, parts, recorded, room, serve } from './harness.ts'

const require = createRequire(import.meta.url)
/** The releases whose `Socket` takes a `vsn`. */
const RELEASES = ['phoenix-1.4', 'phoenix-1.5', 'phoenix-1.6', 'phoenix-1.7', 'phoenix']
const PACKED = { vsn: '2.0.0+msgpack' } as const

describe('channels: MessagePack', () => {
  afterEach(cleanUp)

  const received = log<unknown>()
  const channel = room({
    join: (_socket, params) => ok({ params }),
    on: {
      echo: (_socket, payload) => ok(payload),
      refuse: () => error('no'),
      see(_socket, payload) {
        received.push(payload)
      },
      shout: (socket, payload) => socket.broadcast('news', payload),
      push: (socket, payload) => socket.push('pushed', payload),
      deliver: (socket, payload) => void socket.deliver(new Broadcast('room:a', 'pushed', payload)),
      crash() {
        throw new Error('crash')
      },
    },
  })

  const bytesOf = (payload: unknown) => [...new Uint8Array(payload as ArrayBuffer)]
  const buffer = (...bytes: readonly number[]) => Uint8Array.from(bytes).buffer as object

  async function joined(url: string, options: object = msgpack): Promise<ClientChannel> {
    const socket = await openSocket(`${url}/socket`, options)
    const a = socket.channel('room:a')
    await joinChannel(a)
    return a
  }

  describe('the official client with client/msgpack', () => {
    for (const release of RELEASES) {
      it(`joins, pushes and hears: ${release}`, async () => {
        const { url } = await serve(channel)
        const { Socket: Client } = require(release) as { Socket: typeof Socket }
        const socket = await openSocket(`${url}/socket`, { ...msgpack }, Client)
        const a = socket.channel('room:a', { since: new Date(0) })
        const [news, pushed] = [collect(a, 'news'), collect(a, 'pushed')]
        const params = { since: '1970-01-01T00:00:00.000Z' }
        expect(await joinChannel(a)).to.deep.equal({ params })
        expect(await pushOk(a, 'echo', { n: [1.5, null, 'ă'] })).to.deep.equal({
          n: [1.5, null, 'ă'],
        })
        expect(await pushError(a, 'refuse')).to.deep.equal({ reason: 'no' })
        a.push('shout', { n: 2 })
        expect(await news.next()).to.deep.equal({ n: 2 })
        for (const event of ['push', 'deliver']) {
          a.push(event, { n: 3 })
          expect(await pushed.next()).to.deep.equal({ n: 3 })
        }
        expect(bytesOf(await pushOk(a, 'echo', buffer(1, 2)))).to.deep.equal([1, 2])
        a.push('push', buffer(3))
        expect(bytesOf(await pushed.next())).to.deep.equal([3])
      })
    }

    it('keeps its connection by heartbeats', async () => {
      const { url } = await serve(channel)
      const socket = await openSocket(`${url}/socket`, { ...msgpack })
      const answered = new Promise<number>((resolve) => {
        ;(socket as unknown as { ping(done: (ms: number) => void): void }).ping(resolve)
      })
      expect(await answered).to.be.at.least(0)
    })

    it('has its channel crash, and is let in again', async () => {
      const { url } = await serve(channel)
      const a = await joined(url, { ...msgpack, rejoinAfterMs: () => 10 })
      const crashed = new Promise<unknown>((resolve) => a.onError(resolve))
      a.push('crash', {})
      expect(await crashed).to.deep.equal({ reason: 'channel_crash' })
      expect(await pushOk(a, 'echo', { n: 1 })).to.deep.equal({ n: 1 })
    })

    it('is told of an unmatched topic', async () => {
      const { url } = await serve(channel)
      const socket = await openSocket(`${url}/socket`, { ...msgpack })
      const nowhere = socket.channel('nowhere')
      const refused = new Promise<unknown>((resolve) => nowhere.join().receive('error', resolve))
      expect(await refused).to.deep.equal({ reason: 'unmatched topic' })
    })

    it('sees who is present, among clients of every serializer', async () => {
      const pubsub = createLocalPubSub()
      const { url } = await serve(presenceRoom(createLocalPresence(pubsub)), { pubsub })
      const [ann, bob] = [await enter(url, 'ann', msgpack), await enter(url, 'bob', {})]
      await enter(url, 'eve', { vsn: '2.0.0' })
      for (const { sees } of [ann, bob]) await sees(['ann', 'bob', 'eve'])
      ann.channel.leave()
      await bob.sees(['bob', 'eve'])
    })
  })

  async function enter(url: string, name: string, options: object) {
    const own = await openSocket(`${url}/socket`, options)
    const lobby = own.channel('room:lobby', { name })
    const presence = new Presence(lobby)
    const synced = log<readonly string[]>()
    presence.onSync(() => synced.push(presence.list((key) => key).sort()))
    await joinChannel(lobby)
    const sees = async (names: readonly string[]): Promise<void> => {
      await synced.next((list) => String(list) === String(names))
    }
    return { channel: lobby, sees }
  }

  describe('a message', () => {
    it('is to the handler what it is in V2', async () => {
      const { url } = await serve(channel)
      const payload = { at: new Date(0), gone: undefined, big: 2 ** 40, deep: [{ a: null }] }
      for (const options of [msgpack, {}]) {
        const a = await joined(url, options)
        a.push('see', payload)
        const seen = { at: '1970-01-01T00:00:00.000Z', big: 2 ** 40, deep: [{ a: null }] }
        expect(await received.next()).to.deep.equal(seen)
        a.push('see', buffer(1, 2))
        expect(await received.next()).to.deep.equal(new Bytes([1, 2]))
      }
    })

    it('goes from every serializer to every other', async () => {
      const { url } = await serve(channel)
      const vsns = ['1.0.0', '2.0.0', '2.0.0+msgpack'] as const
      const clients = await Promise.all(vsns.map((vsn) => member(url, 'room:a', { vsn })))
      for (const [n, sender] of clients.entries()) {
        sender.push({ topic: 'room:a', event: 'shout', payload: { n } })
        for (const client of clients) {
          const news = await client.next(isEvent('news'))
          expect(parts(news)).to.deep.equal([null, null, 'room:a', 'news', { n }])
        }
      }
    })

    it('of bytes goes between V2 and MessagePack, and is dropped for V1', async () => {
      const { url, endpoint } = await serve(channel)
      const dropped = recorded(endpoint.telemetry.dropped)
      await member(url, 'room:a', { vsn: '1.0.0' })
      const [v2, packed] = [await member(url), await member(url, 'room:a', PACKED)]
      for (const sender of [v2, packed]) {
        const push = { topic: 'room:a', event: 'shout', joinRef: '1', ref: '2' }
        sender.push({ ...push, payload: Uint8Array.of(1, 2) })
        for (const client of [v2, packed]) {
          const { payload } = await client.next(isEvent('news'))
          expect([...(payload as Uint8Array)]).to.deep.equal([1, 2])
        }
        expect(await dropped.next()).to.deep.equal({ reason: 'binary_for_v1', count: 1 })
      }
    })

    it('comes packed, each in a binary frame', async () => {
      const { url } = await serve(channel)
      const client = await member(url, 'room:a', PACKED)
      await ask(client, 'room:a', 'echo', { n: 1 })
      expect(client.frames).to.have.length(2)
      for (const { raw } of client.frames) expect(raw).to.be.instanceOf(Uint8Array)
    })

    it('that cannot be decoded closes its connection alone, with 1011, and is counted', async () => {
      const { url, endpoint } = await serve(channel)
      const dropped = recorded(endpoint.telemetry.dropped)
      const crashes = recorded(endpoint.telemetry.crashed)
      const other = await member(url, 'room:a', PACKED)
      for (const raw of [
        Uint8Array.of(0xd4, 0x72, 0x40),
        Uint8Array.of(),
        '{',
        'x'.repeat(1_000),
      ]) {
        const client = await member(url, 'room:a', PACKED)
        client.send(raw)
        expect(await client.closed).to.include({ code: 1011 })
        expect(await dropped.next()).to.deep.equal({ reason: 'undecodable_frame', count: 1 })
      }
      expect((await ask(other, 'room:a', 'echo')).payload).to.deep.equal({
        status: 'ok',
        response: {},
      })
      expect(crashes.all).to.deep.equal([])
    })

    it('nested too deep to be packed still reaches everybody', async () => {
      const { url, endpoint } = await serve(channel)
      const clients = await Promise.all([member(url), member(url, 'room:a', PACKED)])
      const deep = { deep: JSON.parse(`${'['.repeat(1_500)}${']'.repeat(1_500)}`) }
      endpoint.broadcast('room:a', 'news', deep)
      for (const client of clients) {
        const { payload } = await client.next(isEvent('news'))
        expect(JSON.stringify(payload)).to.equal(JSON.stringify(deep))
      }
    })
  })

  it('is what a connection is reported with', async () => {
    const { url, endpoint } = await serve(channel)
    const connected = recorded(endpoint.telemetry.connected)
    await member(url, 'room:a', PACKED)
    expect(await connected.next()).to.include({ vsn: 'msgpack', result: 'ok' })
  })
})
