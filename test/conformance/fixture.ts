/**
 * The server that the transcripts talk to, written with the public channel API and nothing else. It listens
 * on PORT (default 4100) of the loopback address and prints its URL; it ends with SIGTERM.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Type as T } from '@sinclair/typebox'
import { createEndpoint } from '../../server/endpoint.ts'
import {
  accept,
  Binary,
  defineChannel,
  defineSocket,
  error,
  ok,
  refuse,
  reply,
  stop,
} from '../../server/index.ts'
import { createLocalPresence } from '../../server/presence/local.ts'
import { createLocalPubSub } from '../../server/pubsub/local.ts'

const pubsub = createLocalPubSub()
const presence = createLocalPresence(pubsub)

const Any = T.Any()
const Bytes = (payload: unknown): Uint8Array => {
  if (payload instanceof Uint8Array) return payload
  throw new TypeError('expected a binary payload')
}

const answered = { payload: Any, reply: Any }
const unanswered = { payload: Any }

const room = (topic: 'room:*' | 'agent:*') =>
  defineChannel(topic, {
    params: Any,
    in: {
      echo: answered,
      echo_error: answered,
      reply_status_only: answered,
      reply_custom_status: answered,
      noreply: unanswered,
      shout: unanswered,
      shout_reply: answered,
      shout_from: unanswered,
      push_me: unanswered,
      push_then_reply: answered,
      binary_echo: answered,
      binary_error: answered,
      binary_push: unanswered,
      binary_shout: unanswered,
      stop_normal: unanswered,
      stop_reply: answered,
      stop_crash: unanswered,
      raise: unanswered,
      async_reply: unanswered,
      slow: answered,
      disconnect_all: unanswered,
      shout_intercepted: unanswered,
      endpoint_broadcast: answered,
    },
    out: { after_join: Any, shout: Any, pushed: Any, bin: Binary, intercepted: Any },
    async join(socket, params) {
      if (socket.topic === `${topic.slice(0, -1)}forbidden`) return error('forbidden')
      if (socket.topic.endsWith(':crash')) throw new Error('crash')
      if (socket.topic.endsWith(':plain')) return ok({})
      if (Number.isInteger(params?.join_sleep_ms)) await sleep(params.join_sleep_ms)
      if (params?.push_after_join === true) socket.sendInfo('after_join')
      return ok({ joined: socket.topic, params })
    },
    handleIn: {
      echo: (_socket, payload) => ok(payload),
      echo_error: (_socket, payload) => error(payload),
      reply_status_only: () => ok({}),
      reply_custom_status: (_socket, payload) => reply('maybe', payload),
      noreply() {},
      shout: (socket, payload) => socket.broadcast('shout', payload),
      shout_reply(socket, payload) {
        socket.broadcast('shout', payload)
        return ok({})
      },
      shout_from: (socket, payload) => socket.broadcastFrom('shout', payload),
      push_me: (socket, payload) => socket.push('pushed', payload),
      push_then_reply(socket, payload) {
        socket.push('pushed', payload)
        return ok(payload)
      },
      binary_echo: (_socket, payload) => ok(Bytes(payload)),
      binary_error: (_socket, payload) => error(Bytes(payload)),
      binary_push: (socket) => socket.push('bin', new Uint8Array([1, 2, 3])),
      binary_shout: (socket, payload) => socket.broadcast('bin', Bytes(payload)),
      stop_normal: () => stop('normal'),
      stop_reply: () => stop('shutdown', ok({ bye: true })),
      stop_crash: () => stop('boom'),
      raise() {
        throw new Error('raise')
      },
      async_reply(socket) {
        const kept = socket.socketRef()
        setTimeout(() => kept.reply('ok', { async: true }), 50)
      },
      async slow(_socket, payload) {
        if (typeof payload.ms !== 'number') throw new TypeError('slow takes { ms }')
        await sleep(payload.ms)
        return ok({})
      },
      disconnect_all(socket) {
        if (socket.id !== null) socket.endpoint.broadcast(socket.id, 'disconnect', {})
      },
      shout_intercepted: (socket, payload) => socket.broadcast('intercepted', payload),
      endpoint_broadcast(socket, { topic: to, event, payload }) {
        socket.endpoint.broadcast(to, event, payload)
        return ok({})
      },
    },
    handleOut: {
      intercepted(socket, payload) {
        const { user_id: seenBy = null } = socket.assigns as { user_id?: string }
        socket.push('intercepted', { ...payload, seen_by: seenBy })
      },
    },
    handleInfo: (socket) => socket.push('after_join', {}),
  })

const people = defineChannel('presence:*', {
  params: Any,
  in: { update_meta: answered, untrack: answered, list: answered, echo: answered },
  out: { presence_state: Any },
  join(socket, params) {
    socket.sendInfo('after_join')
    return ok({}, { name: String(params?.name ?? 'anon') })
  },
  handleIn: {
    update_meta(socket, payload) {
      presence.update(socket, socket.assigns.name, payload)
      return ok({})
    },
    untrack(socket) {
      presence.untrack(socket, socket.assigns.name)
      return ok({})
    },
    list: (socket) => ok(presence.list(socket)),
    echo: (_socket, payload) => ok(payload),
  },
  handleInfo(socket) {
    presence.track(socket, socket.assigns.name, { status: 'online' })
    socket.push('presence_state', presence.list(socket))
  },
})

const user = defineSocket({
  channels: [room('room:*'), room('agent:*'), people],
  connect(params: { readonly reject?: string; readonly user_id?: string }) {
    if (params.reject === 'raise') throw new Error('connect raised')
    if (params.reject === 'reason') return refuse('a reason')
    if (params.reject === 'true') return refuse()
    const { user_id } = params
    return user_id === undefined ? accept() : accept({ user_id }, `user:${user_id}`)
  },
})

const strict = defineSocket({
  channels: [
    room('room:*'),
    defineChannel('info:*', {
      join: (socket) => ok(socket.assigns),
    }),
  ],
  connect(params: object, info: Readonly<Record<string, unknown>>) {
    const { path, query } = info['uri'] as { readonly path: string; readonly query: string }
    const headers = Object.fromEntries(info['x_headers'] as readonly [string, string][])
    const { auth_token, user_agent } = info
    return accept({
      params,
      info: { auth_token, uri: { path, query }, user_agent, x_headers: headers },
    })
  },
})

/** Of a long-poll, as it was recorded. */
const WINDOW_MS = 2_000

const endpoint = createEndpoint({
  pubsub,
  mounts: [
    {
      path: '/socket',
      socket: user,
      websocket: { checkOrigin: false },
      longpoll: { checkOrigin: false, windowMs: WINDOW_MS },
    },
    {
      path: '/strict',
      socket: strict,
      maxChannels: 3,
      websocket: {
        checkOrigin: ['//good.example', '//*.wild.example'],
        authToken: true,
        connectInfo: ['uri', 'user_agent', 'x_headers'],
        timeoutMs: 1_500,
        maxFrameBytes: 1_024,
      },
      longpoll: {
        checkOrigin: ['//good.example'],
        authToken: true,
        connectInfo: ['uri', 'user_agent', 'x_headers'],
        windowMs: WINDOW_MS,
      },
    },
    {
      path: '/zip',
      socket: user,
      websocket: { path: '/ws', checkOrigin: false, compress: true },
    },
  ],
  routes: new Map([['/health', () => ({ status: 200, body: 'ok' })]]),
})

const port = await endpoint.listen('127.0.0.1', Number(process.env['PORT'] ?? 4100))
console.log(`listening on http://127.0.0.1:${port}`)
process.once('SIGTERM', () => {
  void endpoint.drain({ deadlineMs: 1_000, batchSize: 1_000, batchIntervalMs: 0 })
})
