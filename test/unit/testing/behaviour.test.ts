import { Type as T } from '@sinclair/typebox'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { Broadcast, defineChannel, ok, type TerminateReason } from '../../../server/index.ts'
import {
  assertBroadcast,
  assertClosed,
  assertError,
  assertPush,
  assertReply,
  broadcastFrom,
  close,
  join,
  leave,
  push,
  refuteBroadcast,
  refutePush,
  TestEndpoint,
} from '../../../server/testing/index.ts'
import { presenceRoom } from '../../support/presence-room.ts'
import { alone, enter } from './room.ts'

const people = (presences: object) => Object.keys(presences).sort()

describe('the test kit: a channel behaves as on the server', () => {
  it('two sockets of one endpoint hear each other, but for what is not for the sender', async () => {
    const endpoint = new TestEndpoint()
    const ann = await enter('ann', { endpoint })
    const bob = await enter('bob', { endpoint })
    push(ann, 'say', { text: 'to all' })
    for (const each of [ann, bob]) await assertPush(each, 'said', { by: 'ann', text: 'to all' })
    push(ann, 'whisper', { text: 'to others' })
    await assertPush(bob, 'said', { text: 'to others' })
    await refutePush(ann)
    await assertBroadcast(ann, 'said', { text: 'to others' })
  })

  it('sockets of different endpoints do not', async () => {
    const ann = await enter('ann')
    const bob = await enter('bob')
    push(ann, 'say', { text: 'hi' })
    await assertPush(ann, 'said')
    await refutePush(bob)
    await refuteBroadcast(bob)
  })

  it('what the test broadcasts comes to all clients, and not to the test', async () => {
    const endpoint = new TestEndpoint()
    const ann = await enter('ann', { endpoint })
    const bob = await enter('bob', { endpoint })
    broadcastFrom(ann, 'said', { by: 'test', text: 'hi' })
    for (const each of [ann, bob]) {
      await assertPush(each, 'said', { by: 'test' })
      await refuteBroadcast(each)
    }
  })

  it('payloads are what the wire makes of them, in both directions', async () => {
    const channel = await enter('ann')
    push(channel, 'when')
    expect(await assertPush(channel, 'now')).to.deep.equal({ at: '1970-01-01T00:00:00.000Z' })
    const bytes = Uint8Array.of(0, 127, 255)
    expect(await assertReply(push(channel, 'echo', bytes), 'ok', bytes)).to.deep.equal(bytes)
    expect(await assertPush(channel, 'bytes', bytes)).to.deep.equal(bytes)
    const invalid = push(channel, 'echo', 'text' as never)
    await assertReply(invalid, 'error', { reason: 'invalid payload: must be binary' })
  })

  it('an intercepted broadcast is what handleOut makes of it', async () => {
    const channel = defineChannel('room:*', {
      out: { news: T.Object({ n: T.Integer() }) },
      join: () => ok(),
      handleOut: {
        async news(socket, { n }) {
          await Promise.resolve()
          if (n > 1) socket.push('news', { n: n * 10 })
        },
      },
    })
    const joined = await alone(channel)
    for (const n of [1, 2]) joined.endpoint.broadcast('room:a', 'news', { n })
    expect(await assertPush(joined, 'news')).to.deep.equal({ n: 20 })
    await refutePush(joined)
    for (const n of [1, 2]) await assertBroadcast(joined, 'news', { n })
  })

  it('messages are handled one after another, those to itself included', async () => {
    const channel = defineChannel('room:*', {
      out: { step: T.Object({ n: T.Integer() }) },
      join(socket) {
        socket.sendInfo(1)
        return ok()
      },
      async handleInfo(socket, n) {
        await new Promise((resolve) => setImmediate(resolve))
        socket.push('step', { n: Number(n) })
        if (Number(n) < 5) socket.sendInfo(Number(n) + 1)
      },
    })
    const joined = await alone(channel)
    for (const n of [1, 2, 3, 4, 5]) {
      expect(await assertPush(joined, 'step')).to.deep.equal({ n })
    }
  })

  it('a channel may subscribe to other topics, and comes to an end that it sees', async () => {
    const reasons: TerminateReason[] = []
    const channel = defineChannel('room:*', {
      out: { heard: T.Any() },
      join(socket) {
        socket.sendInfo('after join')
        return ok()
      },
      async handleInfo(socket, message) {
        if (message instanceof Broadcast) socket.push('heard', message.copyPayload())
        else {
          await socket.subscribe('wire', { as: socket.topic })
          await socket.subscribe('info')
        }
      },
      terminate: (reason) => void reasons.push(reason),
    })
    const joined = await alone(channel)
    await refutePush(joined)
    joined.endpoint.broadcast('wire', 'news', { n: 1 })
    await assertPush(joined, 'news', { n: 1 })
    joined.endpoint.broadcast('info', 'news', { n: 2 })
    await assertPush(joined, 'heard', { n: 2 })
    await close(joined.socket)
    expect(reasons).to.deep.equal([{ type: 'closed' }])
  })

  it('two channels of one socket that follow one topic under one name get it once, until both are gone', async () => {
    const channel = defineChannel('room:*', {
      join(socket) {
        socket.sendInfo('after join')
        return ok()
      },
      handleInfo: (socket) => socket.subscribe('feed', { as: 'room:a' }),
    })
    const a = await alone(channel)
    const b = await join(a.socket, 'room:b')
    a.endpoint.broadcast('feed', 'news', { n: 1 })
    await assertPush(a, 'news', { n: 1 })
    for (const each of [a, b]) await refutePush(each)
    leave(b)
    await assertClosed(b)
    a.endpoint.broadcast('feed', 'news', { n: 2 })
    await assertPush(a, 'news', { n: 2 })
    await refutePush(a)
  })

  it('presence tells who comes and goes', async () => {
    const endpoint = new TestEndpoint()
    const channel = presenceRoom(endpoint.presence)
    const ann = await alone(channel, 'room:a', { endpoint })
    expect(people((await assertPush(ann, 'presence_state')) as object)).to.deep.equal(['anon'])
    await assertPush(ann, 'presence_diff')
    const bob = await alone(channel, 'room:a', { endpoint })
    expect(people((await assertPush(bob, 'presence_state')) as object)).to.deep.equal(['anon'])
    const { joins } = await assertPush(ann, 'presence_diff')
    expect(people(joins)).to.deep.equal(['anon'])
    leave(bob)
    await assertClosed(bob)
    const { leaves } = await assertBroadcast(ann, 'presence_diff', ({ leaves: left }) =>
      Object.hasOwn(left, 'anon'),
    )
    expect(people(leaves)).to.deep.equal(['anon'])
  })

  it('what a channel pushes while it ends still comes, and what is broadcast then does not', async () => {
    const channel = defineChannel('room:*', {
      out: { bye: T.Object({}) },
      join: () => ok(),
      terminate: (_reason, socket) => socket.push('bye', {}),
    })
    const joined = await alone(channel)
    leave(joined)
    await assertPush(joined, 'bye')
    joined.endpoint.broadcast('room:a', 'news', {})
    await refutePush(joined)
    await assertBroadcast(joined, 'news')
    await assertReply(push(joined, 'any'), 'error', { reason: 'unmatched topic' })
  })

  it('a payload is what the client sent, null and nothing included', async () => {
    const echo = defineChannel('room:*', {
      join: (_socket, params) => ok({ params }),
      catchAll: (_socket, _event, payload) => ok({ payload }),
    })
    const channel = await alone(echo)
    expect(channel.reply).to.deep.equal({ params: {} })
    for (const payload of [null, 0, '', false, [], { a: [null] }]) {
      expect(await assertReply(push(channel, 'any', payload), 'ok')).to.deep.equal({ payload })
    }
    expect(await assertReply(push(channel, 'any'), 'ok')).to.deep.equal({ payload: {} })
  })

  it('an event that no channel declares crashes the channel, and that channel alone', async () => {
    const ann = await enter('ann')
    const other = await join(ann.socket, 'room:other', { name: 'ann' })
    push(other, '__proto__')
    await assertError(other)
    await assertReply(push(ann, 'say', { text: 'still here' }), 'ok')
  })
})
