import { AssertionError } from 'node:assert'
import { Type as T } from '@sinclair/typebox'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { defineChannel, ok } from '../../../server/index.ts'
import {
  assertBroadcast,
  assertClosed,
  assertError,
  assertPush,
  assertReply,
  close,
  join,
  leave,
  push,
  refuteBroadcast,
  refutePush,
  refuteReply,
  TestEndpoint,
} from '../../../server/testing/index.ts'
import { rejectionMessage } from '../../support/rejection.ts'
import { alone, enter, room } from './room.ts'

const refutations = {
  push: refutePush,
  broadcast: refuteBroadcast,
}

describe('the test kit: assertions', () => {
  describe('an assertion', () => {
    it('resolves with what came, more than the pattern asks for', async () => {
      const channel = await enter('ann')
      const ref = push(channel, 'say', { text: 'hi' })
      expect(await assertReply(ref, 'ok')).to.deep.equal({ n: 1 })
      const said = { by: 'ann', text: 'hi' }
      expect(await assertPush(channel, 'said', { text: 'hi' })).to.deep.equal(said)
      const guard = ({ by }: { readonly by: string }) => by.startsWith('a')
      expect(await assertBroadcast(channel, 'said', guard)).to.deep.equal(said)
    })

    it('finds the oldest that matches, each once, in whatever order it is asked', async () => {
      const channel = await enter('ann')
      for (const text of ['a', 'b', 'b']) push(channel, 'say', { text })
      expect(await assertPush(channel, 'said', { text: 'b' })).to.have.property('text', 'b')
      expect(await assertPush(channel, 'said')).to.have.property('text', 'a')
      expect(await assertPush(channel, 'said')).to.have.property('text', 'b')
      expect(await rejectionMessage(assertPush(channel, 'said'))).to.include('no push "said"')
    })

    it('that finds nothing fails with what came instead', async () => {
      const channel = await enter('ann')
      push(channel, 'say', { text: 'ho' })
      const failed = assertPush(channel, 'said', { text: 'hi' })
      expect(await rejectionMessage(failed)).to.equal(
        [
          'no push "said" like { text: \'hi\' } on room:lobby: nothing runs any more.',
          'What came and was not asserted:',
          "  push \"said\" { by: 'ann', text: 'ho' }",
          '  reply ok to 2 { n: 1 }',
        ].join('\n'),
      )
      await failed.catch((error: unknown) => expect(error).to.be.instanceOf(AssertionError))
    })

    it('that finds nothing at all says so', async () => {
      const channel = await enter('ann')
      const ref = leave(channel)
      await assertReply(ref, 'ok')
      expect(await rejectionMessage(assertReply(ref, 'ok', { n: 1 }))).to.equal(
        [
          'no reply ok like { n: 1 } to "phx_leave" (2) on room:lobby: nothing runs any more.',
          'Nothing came.',
          'The channel has ended with phx_close (left).',
        ].join('\n'),
      )
    })

    it('shows the newest of many that came, and little of each', async () => {
      const channel = await enter('ann')
      for (let n = 1; n <= 100; n += 1) push(channel, 'shout', { text: 'x'.repeat(10_000) })
      const message = await rejectionMessage(assertPush(channel, 'now'))
      expect(message).to.include('  … 80 more\n').and.have.length.below(10_000)
    })

    it('of a broadcast sees what is published, intercepted or not, and nothing of other topics', async () => {
      const endpoint = new TestEndpoint()
      const intercepting = defineChannel('room:*', {
        out: { news: T.Any() },
        join: () => ok(),
        handleOut: { news: () => undefined },
      })
      const channel = await alone(intercepting, 'room:a', { endpoint })
      endpoint.broadcast('room:a', 'news', { n: 1 })
      endpoint.broadcast('room:b', 'news', { n: 2 })
      await assertBroadcast(channel, 'news', { n: 1 })
      await refuteBroadcast(channel)
      await refutePush(channel)
    })
  })

  describe('a refutation', () => {
    it('holds where nothing like it came', async () => {
      const channel = await enter('ann')
      const ref = push(channel, 'say', { text: 'hi' })
      await refuteReply(ref, 'error')
      await refuteReply(push(channel, 'whisper', { text: 'hi' }))
      for (const refute of Object.values(refutations)) {
        await refute(channel, 'now')
        await refute(channel, 'said', { text: 'ho' })
      }
    })

    it('fails with what came', async () => {
      const channel = await enter('ann')
      const ref = push(channel, 'say', { text: 'hi' })
      const said = "\n  { by: 'ann', text: 'hi' }"
      for (const [kind, refute] of Object.entries(refutations)) {
        const what = `a ${kind} "said" like { text: 'hi' } on room:lobby came:`
        expect(await rejectionMessage(refute(channel, 'said', { text: 'hi' }))).to.equal(
          what + said,
        )
        const any = `a ${kind} on room:lobby came:`
        expect(await rejectionMessage(refute(channel))).to.equal(any + said)
      }
      expect(await rejectionMessage(refuteReply(ref))).to.equal(
        'a reply to "say" (2) on room:lobby came:\n  { n: 1 }',
      )
    })

    it('leaves what it finds to be asserted', async () => {
      const channel = await enter('ann')
      push(channel, 'say', { text: 'hi' })
      await rejectionMessage(refutePush(channel))
      await assertPush(channel, 'said')
    })
  })

  describe('a crash', () => {
    it('is asserted with the error', async () => {
      const channel = await enter('ann')
      push(channel, 'crash')
      const reason = await assertError(channel)
      expect(reason).to.have.property('type', 'crashed')
      expect(reason).to.have.nested.property('error.message', 'crash')
      await refutePush(channel)
      await close(channel.socket)
    })

    it('that nothing asserted explains why a message did not come', async () => {
      const channel = await enter('ann')
      const ref = push(channel, 'crash')
      const error: unknown = await assertReply(ref, 'ok').catch((reason: unknown) => reason)
      expect(error).to.have.nested.property('cause.message', 'crash')
      expect(String(error)).to.include('The channel has ended with phx_error (crashed).')
    })

    it('that nothing asserted fails every refutation, and the end of the test', async () => {
      const channel = await enter('ann')
      push(channel, 'crash')
      expect(await rejectionMessage(refutePush(channel))).to.include('something crashed')
      const other = await enter('bob')
      push(other, 'crash')
      expect(await rejectionMessage(close(other.socket))).to.equal(
        'room:lobby crashed, which nothing asserted.',
      )
      await close(other.socket)
    })

    it('in terminate is not lost either', async () => {
      const sore = defineChannel('sore', {
        join: () => ok(),
        async terminate() {
          await Promise.resolve()
          throw new Error('too late')
        },
      })
      const { socket } = await alone(sore, 'sore')
      const error: unknown = await close(socket).catch((reason: unknown) => reason)
      expect(error).to.have.nested.property('cause.message', 'too late')
    })

    it('whatever was thrown, is told', async () => {
      const endpoint = new TestEndpoint()
      for (const thrown of [undefined, null, Object.create(null), 'text']) {
        const hostile = defineChannel('room:*', {
          join: () => ok(),
          catchAll() {
            throw thrown
          },
        })
        const channel = await alone(hostile, 'room:a', { endpoint })
        push(channel, 'any')
        expect(await assertError(channel)).to.deep.equal({ type: 'crashed', error: thrown })
      }
    })
  })

  describe('the end of a channel', () => {
    it('is asserted with its reason', async () => {
      const left = await enter('ann')
      const ref = leave(left)
      await assertReply(ref, 'ok')
      expect(await assertClosed(left)).to.deep.equal({ type: 'left' })

      const stopped = await enter('ann')
      push(stopped, 'stop', { reason: 'normal' })
      expect(await assertClosed(stopped)).to.deep.equal({ type: 'stopped', reason: 'normal' })

      const failed = await enter('ann')
      push(failed, 'stop', { reason: 'disk full' })
      expect(await assertError(failed)).to.deep.equal({ type: 'stopped', reason: 'disk full' })
    })

    it('by a second join of its topic closes it alone, and has no reason', async () => {
      const first = await enter('ann')
      const second = await join(first.socket, room, 'room:lobby', { name: 'ann' })
      expect(await assertClosed(first)).to.equal(undefined)
      await assertReply(push(second, 'say', { text: 'hi' }), 'ok')
      await assertPush(second, 'said')
      await refutePush(first)
    })

    it('that did not come, or came otherwise, fails', async () => {
      const channel = await enter('ann')
      expect(await rejectionMessage(assertClosed(channel))).to.equal(
        'no phx_close on room:lobby: nothing runs any more.',
      )
      leave(channel)
      expect(await rejectionMessage(assertError(channel))).to.equal(
        'no phx_error on room:lobby.\nThe channel has ended with phx_close (left).',
      )
      await close(channel.socket)
      expect(await rejectionMessage(assertPush(channel, 'said'))).to.include(
        'The connection was closed (by the client).',
      )
    })
  })
})
