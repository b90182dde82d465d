/**
 * Compile-only: each @ts-expect-error must hit the very next line, so every wrong thing stands alone on a
 * line of its own. The type check fails where one of them is no error any more.
 */
import { type Static, Type as T } from '@sinclair/typebox'
import {
  accept,
  Binary,
  type Channel,
  defineChannel,
  defineSocket,
  error,
  noReply,
  ok,
  refuse,
  reply,
  type SocketRef,
  stop,
  type TerminateReason,
} from '../../server/index.ts'

const base = {
  params: T.Object({ token: T.String() }),
  in: {
    prompt: { payload: T.Object({ text: T.String() }), reply: T.Object({ id: T.String() }) },
    typing: { payload: T.Object({}) },
    upload: { payload: Binary, reply: Binary },
  },
  out: { delta: T.Object({ n: T.Number() }), bytes: Binary },
}
const typing = (): void => {}
const upload = (_socket: unknown, bytes: Uint8Array) => ok(bytes)
const prompt = () => error('no')
const handleIn = { prompt, typing, upload }

// ---- what an author gets without a single annotation ----

defineChannel('a:*', {
  ...base,
  assigns: { role: 'operator' },
  async join(socket, { token }) {
    token satisfies string
    socket.topic satisfies `a:${string}`
    socket.subtopic satisfies string
    socket.id satisfies string | null
    socket.assigns.role satisfies string
    return token === '' ? error('unauthorized') : ok({ hello: token }, { user: token, n: 1 })
  },
  handleIn: {
    typing(socket) {
      socket.assigns satisfies { readonly role: string; readonly user: string; readonly n: number }
      socket.assign({ n: 2 })
      socket.push('delta', { n: socket.assigns.n })
      socket.broadcastFrom('bytes', new Uint8Array(1))
      socket.socketRef() satisfies SocketRef
    },
    async prompt(socket, { text }) {
      if (text === '') return error({ code: 7 })
      if (text === 'later') return noReply
      if (text === 'odd') return reply('maybe', [1])
      if (text === 'bye') return stop('normal', ok({ id: text }))
      return ok({ id: socket.assigns.user })
    },
    upload: (_socket, bytes) => ok(bytes.subarray(1)),
  },
  handleOut: {
    delta(socket, { n }) {
      socket.push('delta', { n: n + socket.assigns.n })
    },
  },
  catchAll(socket, event, payload) {
    event satisfies string
    payload satisfies unknown
    socket.assigns.user satisfies string
    return error('unknown event')
  },
  handleInvalid(socket, { event, problem }) {
    // A join may be what is invalid: then there are no assigns of it yet.
    socket.assigns.user satisfies string | undefined
    return event === 'phx_join' ? error(problem) : stop()
  },
  handleInfo(socket, message) {
    message satisfies unknown
    void socket.subscribe('feed', { as: socket.topic })
    socket.unsubscribe('feed')
  },
  async terminate(reason, socket) {
    reason satisfies TerminateReason
    if (reason.type === 'stopped') reason.reason satisfies string
    if (reason.type === 'crashed') reason.error satisfies unknown
    socket.assigns.user satisfies string | undefined
  },
})

// ---- joins ----

defineChannel('a:*', {
  ...base,
  // @ts-expect-error join returns ok() or error()
  join: () => true,
  handleIn,
})

// @ts-expect-error join is missing
defineChannel('a:*', { ...base, handleIn })

defineChannel('a:*', {
  ...base,
  join(_socket, params) {
    // @ts-expect-error params are what their schema says
    params.tokne
    return ok()
  },
  handleIn,
})

// ---- incoming events ----

defineChannel('a:*', {
  ...base,
  join: () => ok(),
  // @ts-expect-error missing handler for `typing`
  handleIn: { prompt, upload },
})

defineChannel('a:*', {
  ...base,
  join: () => ok(),
  handleIn: {
    ...handleIn,
    // @ts-expect-error the reply's id is a string
    prompt: (_socket, { text }) => ok({ id: text.length }),
  },
})

defineChannel('a:*', {
  ...base,
  join: () => ok(),
  handleIn: {
    ...handleIn,
    // @ts-expect-error a declared reply must be returned
    prompt: () => {},
  },
})

defineChannel('a:*', {
  ...base,
  join: () => ok(),
  handleIn: {
    ...handleIn,
    // @ts-expect-error no reply is declared
    typing: () => ok({ id: 'x' }),
  },
})

defineChannel('a:*', {
  ...base,
  join: () => ok(),
  handleIn: {
    ...handleIn,
    // @ts-expect-error what looks like a reply is none
    prompt: () => ({ status: 'ok', response: { id: 'x' } }),
  },
})

defineChannel('a:*', {
  ...base,
  join: () => ok(),
  handleIn: {
    ...handleIn,
    // @ts-expect-error no such event is declared
    tpying: () => {},
  },
})

defineChannel('a:*', {
  ...base,
  join: () => ok(),
  handleIn: {
    ...handleIn,
    // @ts-expect-error bytes are declared, not text
    upload: () => ok('text'),
  },
})

defineChannel('a:*', {
  ...base,
  join: () => ok(),
  handleIn: {
    ...handleIn,
    prompt(_socket, payload) {
      // @ts-expect-error the payload is what its schema says
      payload.txet
      return error('no')
    },
  },
})

// ---- outgoing events ----

defineChannel('a:*', {
  ...base,
  join: () => ok({}, { user: 'u' }),
  handleIn: {
    ...handleIn,
    typing(socket) {
      // @ts-expect-error wrong payload
      socket.broadcast('delta', { n: 'x' })
      // @ts-expect-error wrong payload
      socket.localBroadcast('bytes', [1])
      // @ts-expect-error undeclared outgoing event
      socket.push('nope', {})
      // @ts-expect-error unknown assign
      socket.assigns.nope
      // @ts-expect-error wrong assign
      socket.assign({ user: 7 })
      // @ts-expect-error assigns change by assign() alone
      socket.assigns.user = 'v'
      // @ts-expect-error a name is needed, or nothing
      void socket.subscribe('feed', {})
    },
  },
})

defineChannel('a:*', {
  ...base,
  join: () => ok(),
  handleIn,
  handleOut: {
    // @ts-expect-error an intercepted event is a declared one
    nope: () => {},
  },
})

defineChannel('a:*', {
  ...base,
  join: () => ok(),
  handleIn,
  handleOut: {
    // @ts-expect-error there is nothing to reply to
    delta: () => ok(),
  },
})

defineChannel('a:*', {
  join: () => ok(),
  // @ts-expect-error there is nothing to reply to
  handleInfo: () => ok(),
})

// A channel that declares no outgoing event has nothing to push.
defineChannel('a:*', {
  in: { typing: { payload: T.Object({}) } },
  join: () => ok(),
  handleIn: {
    typing(socket) {
      // @ts-expect-error undeclared outgoing event
      socket.push('delta', {})
    },
  },
})

// ---- channels and sockets ----

const exact = defineChannel('lobby', {
  join(socket) {
    socket.topic satisfies 'lobby'
    return ok()
  },
})
exact satisfies Channel
exact.topic satisfies 'lobby'

const typed = defineChannel('a:*', { ...base, join: () => ok(), handleIn })
type Types = NonNullable<(typeof typed)['$types']>
const params: Types['params'] = { token: 't' }
const said: Static<Types['in']['prompt']['payload']> = { text: 'hi' }
const pushed: Static<Types['out']['delta']> = { n: 1 }
void [params, said, pushed]

// @ts-expect-error a client's code is checked against the same schemas
const wrong: Static<Types['out']['delta']> = { n: 'x' }
void wrong

defineSocket({
  channels: [exact, typed],
  async connect({ token }: { readonly token?: string }) {
    return token === undefined ? refuse('no token') : accept({ token }, `user:${token}`)
  },
})

defineSocket({
  channels: [exact],
  // @ts-expect-error connect accepts or refuses
  connect: () => ({ assigns: {} }),
})

// @ts-expect-error a socket's id is text or null
accept({}, 7)
