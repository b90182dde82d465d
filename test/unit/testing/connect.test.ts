import { expect } from 'chai'
import { describe, it } from 'mocha'
import { defineChannel, defineSocket, ok, type UserSocket } from '../../../server/index.ts'
import {
  assertDisconnected,
  assertRefused,
  assertReply,
  close,
  connect,
  join,
  push,
  Refused,
  TestEndpoint,
} from '../../../server/testing/index.ts'
import { rejection, rejectionMessage } from '../../support/rejection.ts'
import { room, userSocket } from './room.ts'

describe('the test kit: connect and join', () => {
  describe('connect', () => {
    it('runs the socket’s own, with params as a URL brings them and the info of the request', async () => {
      const params = { token: 'ann', n: 7, nested: { list: ['a&b', true] } }
      const socket = await connect(userSocket, params, { info: { ip: '::1' } })
      expect(socket.id).to.equal('user:ann')
      const { assigns } = await join(socket, room, 'room:lobby', { name: 'ann' })
      expect(assigns).to.deep.equal({
        rest: { n: '7', nested: { list: ['a&b', 'true'] }, vsn: '2.0.0' },
        ip: '::1',
        name: 'ann',
        n: 0,
      })
    })

    it('that is refused rejects, with the reason', async () => {
      expect(await assertRefused(connect(userSocket, { token: 'bad' }))).to.equal('bad token')
    })

    it('that throws is refused, and tells why', async () => {
      const error = await rejection(connect(userSocket, { token: 'throws' }))
      expect(error).to.be.instanceOf(Refused)
      expect((error as Error).cause)
        .to.be.instanceOf(Error)
        .with.property('message', 'no database')
    })

    it('that answers nonsense is refused, as on the server', async () => {
      const odd = { ...userSocket, connect: () => ({ accept: { assigns: {}, id: 7 } }) }
      const error = await rejection(connect(odd satisfies UserSocket))
      expect(error).to.be.instanceOf(Refused)
      expect(String((error as Error).cause)).to.include('id is a string or null')
    })
  })

  describe('join', () => {
    it('resolves with the channel, its reply and its assigns', async () => {
      const channel = await join(await connect(userSocket), room, 'room:lobby', { name: 'ann' })
      expect(channel.reply).to.deep.equal({ welcome: 'ann' })
      expect(channel.assigns).to.include({ name: 'ann', n: 0 })
      await assertReply(push(channel, 'say', { text: 'hi' }), 'ok')
      expect(channel.assigns).to.include({ n: 1 })
    })

    it('that is refused rejects, with what the client is told', async () => {
      const socket = await connect(userSocket)
      const joins = {
        'room:closed': 'forbidden',
        'room:broken': 'join crashed',
        'nowhere:a': 'unmatched topic',
      }
      for (const [topic, reason] of Object.entries(joins)) {
        await assertRefused(join(socket, topic, { name: 'ann' }), { reason })
      }
      await assertRefused(join(socket, 'room:lobby', { name: 7 }), {
        reason: 'invalid payload: /name must be string',
      })
      await close(socket)
    })

    it('that crashes tells why', async () => {
      const socket = await connect(userSocket)
      const error = await rejection(join(socket, room, 'room:broken', { name: 'ann' }))
      expect((error as Error).cause).to.have.property('message', 'no such room')
    })

    it('that never ends fails, after the endpoint’s patience or the time that is given', async () => {
      const never = defineChannel('never', {
        join: () => new Promise<ReturnType<typeof ok>>(() => {}),
      })
      const userSocket = defineSocket({ channels: [never] })
      const endpoint = new TestEndpoint({ patienceMs: 20 })
      const socket = await connect(userSocket, {}, { endpoint })
      expect(await rejectionMessage(join(socket, 'never'))).to.equal(
        'no answer to the join of never: something still runs after 20 ms.',
      )
      const other = await connect(userSocket)
      const joining = join(other, never, 'never', undefined, { timeoutMs: 0 })
      expect(await rejectionMessage(joining)).to.equal(
        'no answer to the join of never: 0 ms are over.',
      )
    })

    it('of a topic that leads to another channel is a mistake', async () => {
      const other = defineChannel('room:*', { join: () => ok() })
      const joining = join(await connect(userSocket), other, 'room:lobby')
      expect(await rejectionMessage(joining)).to.include(
        'does not lead "room:lobby" to that channel',
      )
    })

    it('is taken for refused by assertRefused only if it is', async () => {
      const socket = await connect(userSocket)
      const joining = join(socket, room, 'room:lobby', { name: 'ann' })
      expect(await rejectionMessage(assertRefused(joining))).to.equal('it was let in.')
      const closed = join(socket, room, 'room:closed', { name: 'ann' })
      expect(await rejectionMessage(assertRefused(closed, { reason: 'full' }))).to.equal(
        "the join of room:closed was refused: { reason: 'forbidden' }, not like { reason: 'full' }.",
      )
      const lost = Promise.reject(new Error('another'))
      expect(await rejectionMessage(assertRefused(lost))).to.equal('another')
    })
  })

  describe('what crashed', () => {
    const broken = { ...userSocket, connect: () => 'yes' } satisfies UserSocket
    const throwing = defineSocket({
      channels: [],
      connect() {
        throw undefined
      },
    })

    it('is not taken for refused by assertRefused, and tells why', async () => {
      const joining = join(await connect(userSocket), room, 'room:broken', { name: 'ann' })
      for (const [attempt, cause] of [
        [joining, 'Error: no such room'],
        [connect(userSocket, { token: 'throws' }), 'Error: no database'],
        [connect(broken), 'TypeError: connect neither accepted nor refused'],
        [connect(throwing), 'undefined'],
      ] as const) {
        const error = await rejection(assertRefused(attempt))
        expect(error).to.be.instanceOf(Refused)
        expect(String((error as Error).cause)).to.equal(cause)
      }
    })

    it('is, where the pattern says what the client is told of it', async () => {
      const joining = join(await connect(userSocket), room, 'room:broken', { name: 'ann' })
      const told = await assertRefused(joining, { reason: 'join crashed' })
      expect(told).to.deep.equal({ reason: 'join crashed' })
    })
  })

  describe('a socket', () => {
    it('is closed by a broadcast of disconnect on its id', async () => {
      const endpoint = new TestEndpoint()
      const ann = await connect(userSocket, { token: 'ann' }, { endpoint })
      const bob = await connect(userSocket, { token: 'bob' }, { endpoint })
      endpoint.broadcast('user:ann', 'disconnect', {})
      expect(await assertDisconnected(ann)).to.equal('disconnected')
      expect(await rejectionMessage(assertDisconnected(ann, 'idle'))).to.equal(
        'the connection was closed: disconnected, not idle.',
      )
      expect(await rejectionMessage(assertDisconnected(bob))).to.equal(
        'the connection is open: nothing runs any more.',
      )
    })

    it('that crashed is asserted, and explains why nothing came', async () => {
      const odd = defineChannel('odd', { join: () => ok({ n: 1n }) })
      const socket = await connect(defineSocket({ channels: [odd] }))
      const error = await rejection(join(socket, odd, 'odd'))
      expect(String(error)).to.include('The connection was closed (crashed).')
      expect(error).to.have.nested.property('cause.name', 'EncodeError')
      const other = await connect(defineSocket({ channels: [odd] }))
      const joining = join(other, odd, 'odd')
      await assertDisconnected(other, 'crashed')
      await rejectionMessage(joining)
      await close(other)
    })
  })
})
