import { Type as T } from '@sinclair/typebox'
import { type Channel, defineChannel, error, ok, type Presence, stop } from '../../server/index.ts'

const Any = T.Any()
const answered = { payload: Any, reply: Any }
const Params = T.Object({
  /** The key it is tracked under. */
  name: T.Optional(T.String()),
  /** Another pub/sub topic to be tracked on, whose broadcasts come under the channel's own. */
  on: T.Optional(T.String()),
  /** Gets `presence_state` only when it asks for it. */
  late: T.Optional(T.Boolean()),
  /** Is tracked while it joins, and refused. */
  refuse: T.Optional(T.Boolean()),
})

/** `room:*`: tracks who joins, then pushes `presence_state`. */
export function presenceRoom(presence: Presence): Channel {
  return defineChannel('room:*', {
    params: Params,
    in: {
      update: answered,
      untrack: answered,
      list: answered,
      state: { payload: Any },
      stop: { payload: Any },
      crash: { payload: Any },
    },
    out: { presence_state: Any },
    join(socket, { name = 'anon', on: topic = socket.topic, late = false, refuse = false }) {
      if (refuse) {
        presence.track(socket, name, { refused: true })
        return error('refused')
      }
      socket.sendInfo('after_join')
      return ok({}, { name, topic, late })
    },
    handleIn: {
      update(socket, meta) {
        const { name, topic } = socket.assigns
        return ok(presence.update(socket, name, meta, { topic }))
      },
      untrack(socket) {
        const { name, topic } = socket.assigns
        presence.untrack(socket, name, { topic })
        return ok()
      },
      list: (socket) => ok(presence.list(socket.assigns.topic)),
      state: (socket) => socket.push('presence_state', presence.list(socket.assigns.topic)),
      stop: () => stop(),
      crash() {
        throw new Error('crash')
      },
    },
    async handleInfo(socket) {
      const { name, topic, late } = socket.assigns
      if (topic !== socket.topic) await socket.subscribe(topic, { as: socket.topic })
      presence.track(socket, name, { status: 'online' }, { topic })
      if (!late) socket.push('presence_state', presence.list(topic))
    },
  })
}
