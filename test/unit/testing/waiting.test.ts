import { setImmediate as nextTurn } from 'node:timers/promises'
import { Type as T } from '@sinclair/typebox'
import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { defineChannel, ok } from '../../../server/index.ts'
import {
  assertPush,
  assertReply,
  close,
  push,
  refutePush,
  refuteReply,
  settled,
  TestEndpoint,
} from '../../../server/testing/index.ts'
import { rejectionMessage } from '../../support/rejection.ts'
import { alone, enter } from './room.ts'

const Tick = { tick: T.Object({}) }

describe('the test kit: waiting', () => {
  /** A channel that ticks once, `ms` after it was asked to, by whatever clock there is. */
  const ticking = (ms: number) =>
    defineChannel('clock', {
      in: { start: { payload: T.Object({}) } },
      out: Tick,
      join: () => ok(),
      handleIn: { start: (socket) => void setTimeout(() => socket.sendInfo('tick'), ms) },
      handleInfo: (socket) => socket.push('tick', {}),
    })

  it('lasts as long as a handler runs, and no longer', async () => {
    const slow = defineChannel('slow', {
      in: { work: { payload: T.Object({}), reply: T.Object({}) } },
      out: Tick,
      join: () => ok(),
      handleIn: {
        async work(socket) {
          for (let turn = 0; turn < 200; turn += 1) await nextTurn()
          socket.push('tick', {})
          return ok({})
        },
      },
    })
    const channel = await alone(slow, 'slow')
    const ref = push(channel, 'work')
    await assertPush(channel, 'tick')
    await assertReply(ref, 'ok')
    push(channel, 'work')
    expect(await rejectionMessage(refutePush(channel, 'tick'))).to.include('a push "tick"')
  })

  it('lasts as long as `terminate` and what the app says runs', async () => {
    const work = { running: true }
    const endpoint = new TestEndpoint({ busy: () => work.running })
    const steps: string[] = []
    const channel = defineChannel('room:*', {
      join: () => ok(),
      async terminate() {
        for (let turn = 0; turn < 20; turn += 1) await nextTurn()
        steps.push('terminated')
        for (let turn = 0; turn < 20; turn += 1) await nextTurn()
        steps.push('app')
        work.running = false
      },
    })
    const { socket } = await alone(channel, 'room:a', { endpoint })
    await close(socket)
    expect(steps).to.deep.equal(['terminated', 'app'])
  })

  it('for a handler that never ends is given up after the endpoint’s patience', async () => {
    const endpoint = new TestEndpoint({ patienceMs: 20 })
    const channel = await enter('ann', { endpoint })
    const ref = push(channel, 'wait')
    const still = 'something still runs after 20 ms.'
    expect(await rejectionMessage(assertReply(ref, 'ok'))).to.include(still)
    expect(await rejectionMessage(refuteReply(ref))).to.equal(
      `a reply to "wait" (2) on room:lobby may still come: ${still}`,
    )
    expect(await rejectionMessage(settled(channel))).to.equal(still)
    await close(channel.socket)
  })

  it('with a time of 0 sees what comes within the turn, whatever runs', async () => {
    const channel = await enter('ann')
    const shouted = push(channel, 'shout', { text: 'hi' })
    const waiting = push(channel, 'wait')
    const behind = push(channel, 'say', { text: 'hi' })
    await assertPush(channel, 'said', { text: 'HI' }, { timeoutMs: 0 })
    for (const ref of [shouted, waiting, behind]) {
      await refuteReply(ref, undefined, undefined, { timeoutMs: 0 })
    }
  })

  it('with a time waits for what nothing that runs will bring', async () => {
    const channel = await alone(ticking(20), 'clock')
    push(channel, 'start')
    await refutePush(channel)
    await assertPush(channel, 'tick', {}, { timeoutMs: 5_000 })
    const failed = assertPush(channel, 'tick', {}, { timeoutMs: 20 })
    expect(await rejectionMessage(failed)).to.include(
      'no push "tick" like {} on clock: 20 ms are over.',
    )
  })

  describe('where the test has a clock of its own', () => {
    const { setTimeout: realSetTimeout, setImmediate: realSetImmediate } = globalThis
    const realNow = performance.now

    afterEach(() => {
      Object.assign(globalThis, { setTimeout: realSetTimeout, setImmediate: realSetImmediate })
      performance.now = realNow
    })

    it('goes by none: what the clock brings is there when the test lets it go on', async () => {
      const alarms: (() => void)[] = []
      Object.assign(globalThis, {
        setTimeout: (alarm: () => void) => alarms.push(alarm),
        setImmediate: () => undefined,
      })
      performance.now = () => 0
      const channel = await alone(ticking(86_400_000), 'clock')
      push(channel, 'start')
      await refutePush(channel)
      for (const alarm of alarms) alarm()
      await assertPush(channel, 'tick')
    })
  })
})
