/** Each function of each codec on its own: nanoseconds of CPU for one call. */
import { Type } from '@sinclair/typebox'
import { defineChannel, ok } from '../server/index.ts'
import { Broadcast } from '../server/protocol/broadcast.ts'
import type { Codec } from '../server/protocol/codec.ts'
import { Head } from '../server/protocol/message.ts'
import { msgpack } from '../server/protocol/msgpack.ts'
import { pack } from '../server/protocol/msgpackr.ts'
import { v1 } from '../server/protocol/v1.ts'
import { v2 } from '../server/protocol/v2.ts'
import { decodeEnvelope, encodeEnvelope } from '../server/pubsub/envelope.ts'
import { BareNode, textFrame } from '../test/support/bare-node.ts'
import { payloadOf } from './contestants.ts'
import { median } from './measure.ts'
import type { Outcome, Row } from './work/context.ts'

const CALLS = 20_000
const ROUNDS = 9
const TOPIC = 'room:lobby'
const EVENT = 'new_msg'
const JSON_TEXT = payloadOf(40)
const payload: unknown = JSON.parse(JSON_TEXT)
const bytes = new Uint8Array(40)

const copied = (data: Uint8Array): ArrayBuffer => new Uint8Array(data).buffer

const BINARY = copied(
  Buffer.concat([
    Buffer.from([0, 1, 1, TOPIC.length, EVENT.length]),
    Buffer.from(`12${TOPIC}${EVENT}`),
    bytes,
  ]),
)

/** What clients of each serializer send. */
const FRAMES: readonly (readonly [
  name: string,
  codec: Codec,
  data: ArrayBuffer,
  isBinary: boolean,
])[] = [
  ['V2', v2, textFrame(`["1","2","${TOPIC}","${EVENT}",${JSON_TEXT}]`), false],
  ['V2 with spaces', v2, textFrame(`["1", "2", "${TOPIC}", "${EVENT}", ${JSON_TEXT}]`), false],
  ['V2 binary', v2, BINARY, true],
  [
    'V1',
    v1,
    textFrame(
      `{"topic":"${TOPIC}","event":"${EVENT}","payload":${JSON_TEXT},"ref":"2","join_ref":"1"}`,
    ),
    false,
  ],
  ['MessagePack', msgpack, copied(pack(['1', '2', TOPIC, EVENT, payload])), true],
]

/** The median over some rounds; the first warms up. */
function nanos(call: () => unknown): number {
  const rounds: number[] = []
  for (let round = 0; round <= ROUNDS; round += 1) {
    const before = process.cpuUsage()
    for (let n = 0; n < CALLS; n += 1) call()
    const { user, system } = process.cpuUsage(before)
    if (round > 0) rounds.push(((user + system) * 1_000) / CALLS)
  }
  return median(rounds)
}

function calls(): ReadonlyMap<string, () => unknown> {
  const found = new Map<string, () => unknown>()
  for (const [name, codec, data, isBinary] of FRAMES) {
    found.set(`decode ${name}`, () => codec.decode(data, isBinary))
  }
  const head = new Head('1', TOPIC)
  for (const [name, codec] of Object.entries({ V2: v2, V1: v1, MessagePack: msgpack })) {
    found.set(`reply ${name}`, () => codec.reply(head, '2', 'ok', payload))
    found.set(`push ${name}`, () => codec.push(head, null, EVENT, payload))
    found.set(`broadcast ${name}`, () =>
      codec.broadcast(TOPIC, new Broadcast(TOPIC, EVENT, payload)),
    )
  }
  found.set('reply V2 binary', () => v2.reply(head, '2', 'ok', bytes))
  found.set('push V2 binary', () => v2.push(head, null, EVENT, bytes))
  const sender = 'A1B2C3D4E5F6G7H8'
  const envelope = () => ({ sender, broadcast: new Broadcast(TOPIC, EVENT, payload) })
  const sent = encodeEnvelope(envelope())
  found.set('envelope between nodes, encode', () => encodeEnvelope(envelope()))
  found.set('envelope between nodes, decode', () => decodeEnvelope(sent))
  return found
}

export const INSIDE = 'an echo within the server, without its network'

/** The whole, and before it what it is made of, one thing more each time. */
function inside(): ReadonlyMap<string, () => unknown> {
  const channel = defineChannel('room:*', {
    in: { echo: { payload: Type.Unknown(), reply: Type.Unknown() } },
    join: () => ok(),
    handleIn: { echo: (_socket, said) => ok(said) },
  })
  const socket = new BareNode(channel).connect(v2)
  socket.receive(textFrame(`["1","1","${TOPIC}","phx_join",{}]`), false)
  const data = textFrame(`["1","2","${TOPIC}","echo",${JSON_TEXT}]`)
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const head = new Head('1', TOPIC)
  const text = () => decoder.decode(data)
  const parsed = () => JSON.parse(text().slice(-JSON_TEXT.length - 1, -1))
  const answered = () => {
    const message = v2.decode(data, false)
    return v2.reply(head, message.ref, 'ok', message.payload)
  }
  return new Map<string, () => unknown>([
    ['UTF-8 to text', text],
    ['+ JSON.parse of the payload', parsed],
    ['+ JSON.stringify of what it gave', () => JSON.stringify(parsed())],
    ['+ the fields of the frame, and those of the reply', answered],
    ['+ reading the clock, twice', () => [performance.now(), answered(), performance.now()]],
    ['the whole', () => socket.receive(data, false)],
  ])
}

/** With a payload of 40 bytes. */
export async function micro(): Promise<Outcome> {
  const measure = (work: string, each: ReadonlyMap<string, () => unknown>): Row[] =>
    [...each].map(([who, call]) => ({ work, who, figure: nanos(call), unit: 'ns CPU per call' }))
  return { rows: [...measure(INSIDE, inside()), ...measure('codec functions', calls())], goals: [] }
}
