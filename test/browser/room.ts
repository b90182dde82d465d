import { accept, ok } from '../../server/index.ts'
import { createLocalPresence } from '../../server/presence/local.ts'
import { createLocalPubSub } from '../../server/pubsub/local.ts'
import type { LongPollOptions } from '../../server/transport/longpoll.ts'
import { cleanUp, log, recorded, room, serve } from '../integration/channels/harness.ts'
import type { Queue } from '../support/queue.ts'

/** A server of rooms in this process. */
export interface RoomServer {
  /** `http://127.0.0.1:…`; the mount is `/socket`. */
  readonly url: string
  /** The transport of each client that came. */
  readonly came: Queue<string>
  /** The transport of each client that went, and its close code. */
  readonly went: Queue<{ readonly transport: string; readonly code: number }>
  stop(): Promise<void>
}

/** `room:*` echoes, shouts to all, and shows who is there, by the connect parameter `name`. */
export async function startRooms(longpoll: Partial<LongPollOptions> = {}): Promise<RoomServer> {
  const pubsub = createLocalPubSub()
  const presence = createLocalPresence(pubsub)
  const channel = room({
    join(socket) {
      socket.sendInfo('joined')
      return ok({ topic: socket.topic })
    },
    on: {
      echo: (_socket, payload) => ok(payload),
      shout: (socket, payload) => socket.broadcast('shout', payload),
    },
    info(socket) {
      presence.track(socket, String((socket.assigns as { readonly name?: string }).name), {})
      socket.push('presence_state', presence.list(socket))
    },
  })
  const { url, endpoint } = await serve(channel, {
    pubsub,
    longpoll,
    connect: ({ name = 'nobody' }) => accept({ name }),
  })
  const came = log<string>()
  endpoint.telemetry.connected.subscribe(({ transport }) => came.push(transport))
  return {
    url,
    came,
    went: recorded(endpoint.telemetry.disconnected),
    async stop() {
      await cleanUp()
      await presence.close()
    },
  }
}
