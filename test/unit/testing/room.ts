import { Type as T } from '@sinclair/typebox'
import {
  accept,
  Binary,
  type Channel,
  defineChannel,
  defineSocket,
  error,
  ok,
  refuse,
  stop,
} from '../../../server/index.ts'
import { type ConnectOptions, connect, join } from '../../../server/testing/index.ts'

const Text = T.Object({ text: T.String() })

/** What the tests of the kit talk to. */
export const room = defineChannel('room:*', {
  params: T.Object({ name: T.String() }),
  in: {
    say: { payload: Text, reply: T.Object({ n: T.Integer() }) },
    whisper: { payload: Text },
    shout: { payload: Text },
    wait: { payload: T.Object({}) },
    crash: { payload: T.Object({}) },
    stop: { payload: T.Object({ reason: T.String() }) },
    echo: { payload: Binary, reply: Binary },
    when: { payload: T.Object({}) },
  },
  out: { said: T.Object({ by: T.String(), text: T.String() }), now: T.Any(), bytes: Binary },
  join(socket, { name }) {
    if (socket.subtopic === 'closed') return error('forbidden')
    if (socket.subtopic === 'broken') throw new Error('no such room')
    return ok({ welcome: name }, { name, n: 0 })
  },
  handleIn: {
    say(socket, { text }) {
      socket.assign({ n: socket.assigns.n + 1 })
      socket.broadcast('said', { by: socket.assigns.name, text })
      return ok({ n: socket.assigns.n })
    },
    whisper: (socket, { text }) => socket.broadcastFrom('said', { by: socket.assigns.name, text }),
    async shout(socket, { text }) {
      await Promise.resolve()
      socket.push('said', { by: socket.assigns.name, text: text.toUpperCase() })
    },
    wait: () => new Promise<void>(() => undefined),
    crash() {
      throw new Error('crash')
    },
    stop: (_socket, { reason }) => stop(reason),
    echo: (socket, bytes) => {
      socket.push('bytes', bytes)
      return ok(bytes)
    },
    when: (socket) => socket.push('now', { at: new Date(0), nothing: undefined }),
  },
})

export const userSocket = defineSocket({
  channels: [room],
  connect({ token, ...rest }: Readonly<Record<string, string>>, info: { readonly ip?: string }) {
    if (token === 'bad') return refuse('bad token')
    if (token === 'throws') throw new Error('no database')
    return accept({ rest, ip: info.ip }, token ? `user:${token}` : null)
  },
})

/** A client that has joined `room:lobby`. */
export async function enter(name: string, options: ConnectOptions = {}) {
  const socket = await connect(userSocket, {}, options)
  return join(socket, room, 'room:lobby', { name })
}

/** A client that has joined the topic of one channel alone, about which nothing is known. */
export async function alone(channel: Channel, topic = 'room:a', options: ConnectOptions = {}) {
  return join(await connect(defineSocket({ channels: [channel] }), {}, options), topic)
}
