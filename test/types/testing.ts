/** Compile-only, as `channel.ts`: what the test kit knows of the channel under test. */
import { Type as T } from '@sinclair/typebox'
import { Binary, defineChannel, defineSocket, ok } from '../../server/index.ts'
import {
  assertBroadcast,
  assertPush,
  assertReply,
  broadcastFrom,
  connect,
  join,
  leave,
  push,
  refutePush,
  refuteReply,
} from '../../server/testing/index.ts'

const room = defineChannel('room:*', {
  params: T.Object({ name: T.String() }),
  in: {
    say: { payload: T.Object({ text: T.String() }), reply: T.Object({ n: T.Integer() }) },
    typing: { payload: T.Object({}) },
    upload: { payload: Binary },
  },
  out: {
    said: T.Object({ by: T.String(), tags: T.Array(T.Object({ id: T.Integer() })) }),
    bytes: Binary,
  },
  join: () => ok(),
  handleIn: { say: () => ok({ n: 1 }), typing: () => {}, upload: () => {} },
})
const open = defineChannel('open', { join: () => ok() })

export async function typed() {
  const socket = await connect(defineSocket({ channels: [room, open] }), { token: 't', n: 1 })
  const channel = await join(socket, room, 'room:a', { name: 'ann' })
  await join(socket, open, 'open')

  const said = push(channel, 'say', { text: 'hi' })
  push(channel, 'typing')
  push(channel, 'upload', Uint8Array.of(1))

  const { n } = await assertReply(said, 'ok', { n: 1 })
  n satisfies number
  const { by } = await assertPush(channel, 'said', { tags: [{ id: 1 }] })
  by satisfies string
  await assertPush(channel, 'said', ({ tags }) => tags.length > 1)
  const bytes = await assertBroadcast(channel, 'bytes', Uint8Array.of(1))
  bytes satisfies Uint8Array
  const { joins } = await assertPush(channel, 'presence_diff')
  joins satisfies object
  await assertReply(said, 'error', { reason: 'anything' })
  await assertReply(push(channel, 'typing'), 'ok', ['anything'])
  await assertReply(leave(channel), 'ok')
  await refuteReply(said)

  // @ts-expect-error the topic is not one of the channel's
  await join(socket, room, 'lobby', { name: 'ann' })
  // @ts-expect-error a payload is needed
  await join(socket, room, 'room:a')
  // @ts-expect-error params are what their schema says
  await join(socket, room, 'room:a', { name: 7 })
  // @ts-expect-error no such event is declared
  push(channel, 'sya', { text: 'hi' })
  // @ts-expect-error a payload is needed
  push(channel, 'say')
  // @ts-expect-error the payload is what its schema says
  push(channel, 'say', { text: 7 })
  // @ts-expect-error bytes are declared, not text
  push(channel, 'upload', 'text')
  // @ts-expect-error the reply is what its schema says
  await assertReply(said, 'ok', { n: '1' })
  // @ts-expect-error undeclared outgoing event
  await assertPush(channel, 'siad')
  // @ts-expect-error wrong payload
  await assertPush(channel, 'said', { by: 7 })
  // @ts-expect-error wrong payload, inside a list
  await assertBroadcast(channel, 'said', { tags: [{ id: 'x' }] })
  // @ts-expect-error the payload has no such key
  await refutePush(channel, 'said', { form: 'ann' })
  // @ts-expect-error a guard is given what the schema says
  await refutePush(channel, 'said', ({ form }) => form === 'ann')
  // @ts-expect-error a broadcast is whole
  broadcastFrom(channel, 'said', { by: 'ann' })
  // @ts-expect-error params are text, numbers, and lists and objects of them
  await connect(defineSocket({ channels: [room] }), { token: () => 't' })
}

/** Of a channel that is not named, nothing is known. */
export async function untyped() {
  const socket = await connect(defineSocket({ channels: [room] }))
  const channel = await join(socket, 'room:a', 7)
  const anything = await assertReply(push(channel, 'any', [1]), 'ok', [{ deep: 1 }])
  anything satisfies unknown
  await assertPush(channel, 'other', (payload) => payload === 1)
  // @ts-expect-error nothing is known of the payload
  anything.n
}
