/** What nodes tell one another of their entries, as JSON. What comes in is untrusted: never throws. */
import { toJson } from '../protocol/message.ts'
import { isObject } from './meta.ts'
import type { Meta } from './presence.ts'
import type { Change, Entry } from './state.ts'

const VERSION = 1

/** One step of one node. Without a change: it is at `seq`, read it; `left` alone: it has gone for good. */
export interface Step {
  readonly node: string
  /** Counts the steps of the node, from 1. */
  readonly seq: number
  readonly what: StepChange | 'moved' | 'gone'
}

/** Those who left are known by their `phx_ref` alone. */
export interface StepChange {
  readonly joined: readonly Entry[]
  readonly left: readonly string[]
}

export const encodeEntry = ({ topic, key, meta }: Entry): string => toJson([topic, key, meta])

/** Undefined for anything else than what `encodeEntry` makes. */
export function decodeEntry(json: unknown): Entry | undefined {
  return entryOf(parse(json))
}

export function encodeStep(node: string, seq: number, what: Change | 'moved' | 'gone'): Buffer {
  const change =
    typeof what === 'string'
      ? what
      : {
          joined: [...what.joined.values()].map(({ topic, key, meta }) => [topic, key, meta]),
          left: [...what.left.keys()],
        }
  return Buffer.from(toJson([VERSION, node, seq, change]))
}

/** Undefined for a step of another version and for what is none. */
export function decodeStep(data: Buffer): Step | undefined {
  const message = parse(data.toString())
  if (!Array.isArray(message) || message.length !== 4) return undefined
  const [version, node, seq, what] = message as readonly unknown[]
  if (version !== VERSION || typeof node !== 'string' || !Number.isSafeInteger(seq))
    return undefined
  const change = what === 'moved' || what === 'gone' ? what : changeOf(what)
  return change && { node, seq: seq as number, what: change }
}

function changeOf(value: unknown): StepChange | undefined {
  if (!isObject(value)) return undefined
  const { joined, left } = value as { readonly joined?: unknown; readonly left?: unknown }
  if (!(Array.isArray(joined) && Array.isArray(left))) return undefined
  const entries = joined.map(entryOf)
  if (!(entries.every((entry) => entry !== undefined) && left.every(isText))) return undefined
  return { joined: entries, left }
}

function entryOf(value: unknown): Entry | undefined {
  if (!Array.isArray(value)) return undefined
  const [topic, key, meta] = value as readonly unknown[]
  return isText(topic) && isText(key) && isMeta(meta) ? { topic, key, meta } : undefined
}

const isText = (value: unknown): value is string => typeof value === 'string'

const isMeta = (value: unknown): value is Meta =>
  isObject(value) && isText((value as { readonly phx_ref?: unknown }).phx_ref)

function parse(json: unknown): unknown {
  try {
    return typeof json === 'string' ? JSON.parse(json) : undefined
  } catch {
    return undefined
  }
}
