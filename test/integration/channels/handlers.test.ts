import { expect } from 'chai'
import { describe, it } from 'mocha'
import { defineSocket, ok, type TerminateReason } from '../../../server/index.ts'
import {
  assertReply,
  close,
  connect,
  join,
  push,
  refuteReply,
  settled,
} from '../../../server/testing/index.ts'
import { gate } from '../../support/gate.ts'
import { room, type Script } from './harness.ts'

describe('channels: handlers', () => {
  const connected = (script: Script) => connect(defineSocket({ channels: [room(script)] }))
  const NOW = { timeoutMs: 0 }

  describe('the handlers of one channel', () => {
    it('run one after another, in the order of the messages (C3.55)', async () => {
      const steps: string[] = []
      const gates = new Map([1, 2, 3].map((n) => [n as unknown, gate()]))
      const socket = await connected({
        on: {
          async work(_socket, { n }) {
            steps.push(`begin ${n}`)
            await gates.get(n)?.opened
            steps.push(`end ${n}`)
            return ok({ n })
          },
        },
      })
      const channel = await join(socket, 'room:a')
      const refs = [1, 2, 3].map((n) => push(channel, 'work', { n }))
      gates.get(3)?.open()
      for (const ref of refs) await refuteReply(ref, undefined, undefined, NOW)
      for (const n of [2, 1]) gates.get(n)?.open()
      for (const [at, ref] of refs.entries()) await assertReply(ref, 'ok', { n: at + 1 })
      expect(steps).to.deep.equal([1, 2, 3].flatMap((n) => [`begin ${n}`, `end ${n}`]))
    })

    it('do not hold back other channels of the connection (C3.56)', async () => {
      const slow = gate()
      const socket = await connected({ on: { slow: () => slow.opened, done: () => ok() } })
      const [a, b] = [await join(socket, 'room:a'), await join(socket, 'room:b')]
      push(a, 'slow')
      const waiting = push(a, 'done')
      await assertReply(push(b, 'done'), 'ok')
      await refuteReply(waiting, undefined, undefined, NOW)
      slow.open()
      await assertReply(waiting, 'ok')
    })

    it('that never end hold back neither a new join of their topic nor the end of the connection', async () => {
      const ends: TerminateReason[] = []
      const socket = await connected({
        on: { hang: () => new Promise(() => undefined), done: () => ok() },
        terminate: (reason) => ends.push(reason),
      })
      const first = await join(socket, 'room:a')
      push(first, 'hang')
      const second = await join(socket, 'room:a')
      await assertReply(push(second, 'done'), 'ok')
      push(second, 'hang')
      await close(socket)
      expect(ends).to.deep.equal([{ type: 'closed' }])
      expect(socket.endpoint.shared.fanout.size).to.deep.equal({ topics: 0, lanes: 0 })
    })

    it('see the ref of their own message, and none afterwards', async () => {
      const seen: unknown[] = []
      const socket = await connected({
        on: {
          async look(of) {
            await Promise.resolve()
            seen.push(of.ref)
            setImmediate(() => seen.push(of.ref))
          },
        },
      })
      const { ref } = push(await join(socket, 'room:a'), 'look')
      await settled(socket)
      expect(seen).to.deep.equal([ref, null])
    })
  })

  describe('events that the protocol names', () => {
    it('are ordinary events when a client sends them (C3.84)', async () => {
      const names = ['phx_close', 'phx_error', 'phx_reply']
      const on = Object.fromEntries(names.map((event) => [event, () => ok({ event })]))
      const channel = await join(await connected({ on }), 'room:a')
      for (const event of names) await assertReply(push(channel, event), 'ok', { event })
    })
  })
})
