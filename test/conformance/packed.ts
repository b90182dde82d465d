/** A scenario of V2 played over MessagePack: what was written down as frames of V2 goes and comes packed. */
import { encode } from '@msgpack/msgpack'
import { decodeServerFrame, type WireMessage } from '../support/client-codec.ts'
import type { FrameBody, Outgoing, Scenario } from './scenario.ts'

const V2 = /^2\.0\.\d+$/
const BUILD = '+msgpack'
const CLIENT_PUSH_HEADER = 5

/** Whether a connection of this `vsn` is one that {@link packedScenario} made. */
export const isPacked = (vsn: string | null): boolean => vsn?.endsWith(BUILD) ?? false

const asking = (vsn: string | null): string | null =>
  vsn !== null && V2.test(vsn) ? vsn + BUILD : vsn

/** The same scenario, whose connections of V2 ask for MessagePack; undefined where it has none. */
export function packedScenario<S extends Scenario>(scenario: S): S | undefined {
  const vsn = asking(scenario.vsn)
  const plans = Object.entries(scenario.connections ?? { a: {} })
  const connections = plans.map(([name, plan]) => {
    return [name, plan.vsn === undefined ? plan : { ...plan, vsn: asking(plan.vsn) }] as const
  })
  const isAny = connections.some(([, { vsn: own = vsn, query }]) => !query && isPacked(own))
  return isAny ? { ...scenario, vsn, connections: Object.fromEntries(connections) } : undefined
}

/** What a client sends instead of a frame of V2. Throws for what can only be a frame of V2. */
export function packed(what: Outgoing): Uint8Array {
  if (typeof what === 'string') return encode(JSON.parse(what))
  if ('binary' in what) return encode(pushIn(Buffer.from(what.binary, 'base64')))
  if ('repeat' in what) {
    return encode(JSON.parse(what.prefix + what.repeat.repeat(what.times) + what.suffix))
  }
  throw new Error('frames in parts, or of broken text, are not packed')
}

/** The list that a client's binary frame stands for. */
function pushIn(frame: Buffer): readonly unknown[] {
  let at = CLIENT_PUSH_HEADER
  const fields = [...frame.subarray(1, CLIENT_PUSH_HEADER)].map((size) => {
    at += size
    return frame.toString('utf8', at - size, at)
  })
  return [...fields, frame.subarray(at)]
}

/** The frame of V2 that says what a packed one says. */
export function unpacked(data: Uint8Array): FrameBody {
  const message = decodeServerFrame('msgpack', data)
  const frame = binaryFrame(message)
  if (frame) return { binary: frame.toString('base64') }
  const { joinRef, ref, topic, event, payload } = message
  return { text: JSON.stringify([joinRef, ref, topic, event, payload]) }
}

/** A server's binary frame of V2; undefined for a message without bytes. */
function binaryFrame({ joinRef, ref, topic, event, payload }: WireMessage): Buffer | undefined {
  if (payload instanceof Uint8Array) {
    return joinRef === null && ref === null
      ? frameOf(2, [topic, event], payload)
      : frameOf(0, [joinRef, topic, event], payload)
  }
  const { status, response } = payload as { readonly status?: unknown; readonly response?: unknown }
  if (!(response instanceof Uint8Array)) return undefined
  return frameOf(1, [joinRef, ref, topic, status], response)
}

function frameOf(kind: number, fields: readonly unknown[], payload: Uint8Array): Buffer {
  const texts = fields.map((field) => Buffer.from(field === null ? '' : String(field)))
  const sizes = texts.map(({ length }) => length)
  return Buffer.concat([Buffer.from([kind, ...sizes]), ...texts, payload])
}
