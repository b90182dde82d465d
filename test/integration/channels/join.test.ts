import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import type { TerminateReason } from '../../../server/channel/result.ts'
import type { AnySocket } from '../../../server/channel/types.ts'
import { accept, error, ok, reply, stop } from '../../../server/index.ts'
import { connectWire } from '../../support/wire-client.ts'
import {
  ask,
  cleanUp,
  type Json,
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

describe('channels: join', () => {
  afterEach(cleanUp)

  /** The whole answer to a join with both refs "1". */
  async function joinFrame(url: string, topic: string, payload: unknown = {}) {
    const client = await connectWire(url)
    client.push({ topic, event: 'phx_join', payload, ref: '1', joinRef: '1' })
    return parts(await client.next())
  }

  describe('a join', () => {
    it('is answered ok with an empty object (C3.1)', async () => {
      const { url } = await serve(room())
      expect(await joinFrame(url, 'room:a')).to.deep.equal(replied('1', '1', 'room:a', 'ok'))
    })

    it('is answered with whatever JSON it returns (C3.2)', async () => {
      const { url } = await serve(room({ join: (_socket, params) => ok(params['answer']) }))
      for (const answer of [{ a: 1 }, [1, null], 'text', null, 0]) {
        const frame = await joinFrame(url, 'room:a', { answer })
        expect(frame).to.deep.equal(replied('1', '1', 'room:a', 'ok', answer))
      }
    })

    it('gets its payload as it is, of whatever type', async () => {
      const { url } = await serve(room({ join: (_socket, params) => ok({ params }) }))
      for (const payload of [null, 'text', 7, [1], { a: { b: [] } }]) {
        const frame = await joinFrame(url, 'room:a', payload)
        expect(frame).to.deep.equal(replied('1', '1', 'room:a', 'ok', { params: payload }))
      }
    })

    it('that is refused leaves no channel (C3.3)', async () => {
      const { url, endpoint } = await serve(room({ join: () => error('forbidden') }))
      const client = await connectWire(url)
      client.push({ topic: 'room:a', event: 'phx_join', ref: '1', joinRef: '1' })
      const refused = replied('1', '1', 'room:a', 'error', { reason: 'forbidden' })
      expect(parts(await client.next())).to.deep.equal(refused)
      const { payload } = await ask(client, 'room:a', 'any', {}, '1')
      expect(payload).to.deep.equal({ status: 'error', response: { reason: 'unmatched topic' } })
      expect(endpoint.size).to.deep.equal({ connections: 1, channels: 0, topics: 0, lanes: 0 })
    })

    it('may be refused with any JSON', async () => {
      const { url } = await serve(room({ join: (_socket, params) => error(params['reason']) }))
      for (const reason of [{ code: 7 }, [1], null, false]) {
        const frame = await joinFrame(url, 'room:a', { reason })
        expect(frame).to.deep.equal(replied('1', '1', 'room:a', 'error', reason))
      }
    })

    it('that throws harms neither the connection nor its other channels (C3.4)', async () => {
      const crash = room({
        topic: 'crash:*',
        join() {
          throw new Error('no')
        },
      })
      const later = room({ topic: 'later:*', join: () => Promise.reject(new Error('no')) })
      const { url, endpoint } = await serve([crash, later, room({ on: { echo: () => ok() } })])
      const crashes = recorded(endpoint.telemetry.crashed)
      const client = await member(url)
      for (const topic of ['crash:a', 'later:a']) {
        client.push({ topic, event: 'phx_join', ref: '2', joinRef: '2' })
        const crashed = replied('2', '2', topic, 'error', { reason: 'join crashed' })
        expect(parts(await client.next())).to.deep.equal(crashed)
        expect((await crashes.next()).topic).to.equal(topic)
      }
      expect((await ask(client, 'room:a', 'echo')).payload).to.have.property('status', 'ok')
      expect(endpoint.size).to.include({ channels: 1, topics: 1 })
    })

    it('that returns anything else than ok or error has crashed (C3.5)', async () => {
      const garbage: readonly unknown[] = [
        undefined,
        null,
        true,
        'ok',
        { status: 'ok', response: {} },
        reply('maybe', {}),
        stop('normal'),
      ]
      for (const result of garbage) {
        const { url } = await serve(room({ join: () => result }))
        const crashed = replied('1', '1', 'room:a', 'error', { reason: 'join crashed' })
        expect(await joinFrame(url, 'room:a')).to.deep.equal(crashed)
      }
    })

    it('cannot send before it is decided (C3.6)', async () => {
      const attempts: Readonly<Record<string, (socket: AnySocket) => void>> = {
        push: (socket) => socket.push('event', {}),
        broadcast: (socket) => socket.broadcast('event', {}),
        broadcastFrom: (socket) => socket.broadcastFrom('event', {}),
        localBroadcast: (socket) => socket.localBroadcast('event', {}),
        subscribe: (socket) => void socket.subscribe('other'),
        socketRef: (socket) => void socket.socketRef(),
      }
      for (const [name, attempt] of Object.entries(attempts)) {
        const channel = room({
          join(socket) {
            attempt(socket)
            return ok()
          },
        })
        const { url } = await serve(channel)
        const crashed = replied('1', '1', 'room:a', 'error', { reason: 'join crashed' })
        expect(await joinFrame(url, 'room:a'), name).to.deep.equal(crashed)
      }
    })

    it('of a topic without a channel names no join_ref (C3.7)', async () => {
      const { url } = await serve(room())
      const unmatched = replied(null, '1', 'nope:1', 'error', { reason: 'unmatched topic' })
      expect(await joinFrame(url, 'nope:1')).to.deep.equal(unmatched)
    })

    it('gets what * matched, and the rest of the topic as it is (C3.12)', async () => {
      const { url } = await serve(room({ join: ({ topic, subtopic }) => ok({ topic, subtopic }) }))
      for (const subtopic of ['1', '', 'a:b*', 'café ☕', '__proto__']) {
        const topic = `room:${subtopic}`
        const frame = await joinFrame(url, topic)
        expect(frame).to.deep.equal(replied('1', '1', topic, 'ok', { topic, subtopic }))
      }
      const [joinRef] = await joinFrame(url, 'room')
      expect(joinRef, 'room matches').to.equal(null)
    })

    it('of an exact topic matches that topic alone (C3.13)', async () => {
      const { url } = await serve(room({ topic: 'lobby' }))
      expect(await joinFrame(url, 'lobby')).to.deep.equal(replied('1', '1', 'lobby', 'ok'))
      for (const topic of ['lobby2', 'lobb', 'Lobby', 'lobby:']) {
        const [joinRef] = await joinFrame(url, topic)
        expect(joinRef, topic).to.equal(null)
      }
    })

    it('goes to the first pattern that matches (C3.14)', async () => {
      const named = (topic: string) => room({ topic, join: () => ok({ topic }) })
      const { url } = await serve(['food:apple', 'food*', 'foo*', '*', 'never:*'].map(named))
      const first = {
        'food:apple': 'food:apple',
        food: 'food*',
        foo: 'foo*',
        'never:a': '*',
        '': '*',
      }
      for (const [topic, pattern] of Object.entries(first)) {
        const frame = await joinFrame(url, topic)
        expect(frame).to.deep.equal(replied('1', '1', topic, 'ok', { topic: pattern }))
      }
    })

    it('starts from the assigns of connect, with those of the pattern over them (C1.30, C3.16)', async () => {
      const channel = room({ assigns: { b: 'pattern', c: 3 }, join: ({ assigns }) => ok(assigns) })
      const { url } = await serve(channel, { connect: () => accept({ a: 1, b: 'connect' }) })
      const frame = await joinFrame(url, 'room:a')
      expect(frame).to.deep.equal(replied('1', '1', 'room:a', 'ok', { a: 1, b: 'pattern', c: 3 }))
    })

    it('adds the assigns that it returns, for its own channel alone (C3.17)', async () => {
      const channel = room({
        join: (_socket, params) => ok({}, params),
        on: {
          show: ({ assigns }) => ok(assigns),
          change(socket, payload) {
            socket.assign(payload)
            return ok(socket.assigns)
          },
        },
      })
      const { url } = await serve(channel, { connect: () => accept({ shared: 1 }) })
      const client = await connectWire(url)
      await join(client, 'room:a', '1', { own: 'a' })
      await join(client, 'room:b', '2', { own: 'b' })
      const response = async (topic: string, event: string, payload: Json = {}) =>
        ((await ask(client, topic, event, payload)).payload as { response: unknown }).response
      expect(await response('room:a', 'change', { shared: 2, more: true })).to.deep.equal({
        shared: 2,
        own: 'a',
        more: true,
      })
      expect(await response('room:b', 'show')).to.deep.equal({ shared: 1, own: 'b' })
      await join(client, 'room:c', '3', {})
      expect(await response('room:c', 'show')).to.deep.equal({ shared: 1 })
    })

    it('is answered before anything else of its channel, and pushes after it (C3.18, C3.20)', async () => {
      const channel = room({
        join(socket) {
          socket.sendInfo('after_join')
          socket.endpoint.broadcast(socket.topic, 'too early', {})
          return ok()
        },
        info(socket, message) {
          socket.push('info', { message })
          socket.broadcast('here', {})
        },
      })
      const { url } = await serve(channel)
      const client = await connectWire(url)
      client.push({ topic: 'room:a', event: 'phx_join', ref: '4', joinRef: '4' })
      expect(await nextParts(client, 3)).to.deep.equal([
        replied('4', '4', 'room:a', 'ok'),
        ['4', null, 'room:a', 'info', { message: 'after_join' }],
        [null, null, 'room:a', 'here', {}],
      ])
      expect(await client.fence()).to.deep.equal([])
    })

    it('that is refused calls terminate with a socket that is not joined (C3.81)', async () => {
      const ends = log<TerminateReason>()
      const channel = room({
        join: () => error('no'),
        terminate(reason, socket) {
          socket.push('bye', {})
          socket.broadcast('bye', {})
          ends.push(reason)
        },
      })
      const { url } = await serve(channel)
      const client = await connectWire(url)
      client.push({ topic: 'room:a', event: 'phx_join', ref: '1', joinRef: '1' })
      expect(await ends.next()).to.deep.equal({ type: 'refused' })
      expect(await nextParts(client, 1)).to.deep.equal([
        replied('1', '1', 'room:a', 'error', { reason: 'no' }),
      ])
      expect(await client.fence()).to.deep.equal([])
    })

    it('whose reply has no JSON form closes that connection alone, with 1011 (C3.82)', async () => {
      const ends = log<TerminateReason>()
      const channel = room({
        join: (_socket, { async }) => (async ? Promise.resolve(ok({ n: 1n })) : ok({ n: 1n })),
        terminate: (reason) => ends.push(reason),
      })
      const { url, endpoint } = await serve([channel, room({ topic: 'other:*' })])
      const bystander = await connectWire(url)
      await join(bystander, 'other:a')
      for (const async of [false, true]) {
        const client = await connectWire(url)
        const payload = { async }
        client.push({ topic: 'room:a', event: 'phx_join', payload, ref: '1', joinRef: '1' })
        expect(await client.closed).to.include({ code: 1011 })
        expect(client.frames).to.deep.equal([])
        expect(await ends.next()).to.deep.equal({ type: 'closed' })
      }
      expect(await bystander.fence()).to.deep.equal([])
      expect(endpoint.size).to.include({ connections: 1, channels: 1 })
    })
  })
})
