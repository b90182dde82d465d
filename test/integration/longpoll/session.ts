import type { TerminateReason } from '../../../server/channel/result.ts'
import type { AnySocket } from '../../../server/channel/types.ts'
import { ok } from '../../../server/index.ts'
import { log, room } from '../channels/harness.ts'

/** Nobody waits so long in a test. */
export const LONG = { longpoll: { windowMs: 15_000 } }
/** For what happens when a window ends. */
export const SHORT = { longpoll: { windowMs: 300 } }

export const echo = room({ on: { echo: (_socket, payload) => ok(payload) } })
export const push = (event: string, payload: unknown = {}, ref = '2') => ({
  topic: 'room:a',
  event,
  payload,
  ref,
  joinRef: '1',
})

/** A channel, its sockets as they join, and why they ended. */
export function observed() {
  const sockets = log<AnySocket>()
  const ends = log<TerminateReason>()
  const channel = room({
    join(socket) {
      sockets.push(socket)
      return ok()
    },
    on: { shout: (socket, payload) => socket.broadcastFrom('shout', payload) },
    terminate: (reason) => ends.push(reason),
  })
  return { channel, sockets, ends }
}
