import type { TerminateReason } from '../../../server/channel/result.ts'
import type { AnySocket } from '../../../server/channel/types.ts'
import { ok } from '../../../server/index.ts'
import { LongPollClient } from '../../support/longpoll-client.ts'
import { log, room, type ServeOptions, serve } from '../channels/harness.ts'

/** Nobody waits so long in a test. */
export const LONG = { longpoll: { windowMs: 15_000 } }
/** For what happens when a window ends: time enough to join, on a busy machine. */
export const SHORT = { longpoll: { windowMs: 800 } }

export const echo = room({ on: { echo: (_socket, payload) => ok(payload) } })
export const push = (event: string, payload: unknown = {}, ref = '2') => ({
  topic: 'room:a',
  event,
  payload,
  ref,
  joinRef: '1',
})

/** A session in `room:a`, the channel’s socket of it, and why that ended. */
export async function joined(options: ServeOptions) {
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
  const { url, endpoint } = await serve(channel, options)
  const client = await LongPollClient.open(url)
  await client.join('room:a')
  return { url, endpoint, client, socket: await sockets.next(), ends }
}
