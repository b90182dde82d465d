/** The serializer that a client asks for by `vsn` (protocol 1.4). */
import type { Codec } from '../protocol/codec.ts'
import { msgpack, msgpackUp } from '../protocol/msgpack.ts'
import { v1 } from '../protocol/v1.ts'
import { v2 } from '../protocol/v2.ts'

/**
 * `~> 1.0.0` or `~> 2.0.0`: a full semantic version, numbers without leading zeros, build metadata allowed.
 * A pre-release is none of ours.
 */
const SUPPORTED = /^([12])\.0\.(?:0|[1-9]\d*)(?:\+([\da-z-]+(?:\.[\da-z-]+)*))?$/i

/** A `+` that was not percent-encoded arrives as a space: what a URL written by hand has. */
const SPACED = / (?=msgpack$)/

/**
 * V1 without a `vsn`; undefined where the connection is to be refused with 403 (C1.11 to C1.18). The build
 * `+msgpack` of V2 is MessagePack, any other is ignored. `toClient` says which frames the transport can carry
 * to a client: where it is text alone, MessagePack goes only up.
 */
export function codecFor(vsn: unknown, toClient: 'any' | 'text' = 'any'): Codec | undefined {
  if (vsn === undefined) return v1
  if (typeof vsn !== 'string') return undefined
  const [, major, build] = SUPPORTED.exec(vsn.replace(SPACED, '+')) ?? []
  if (major === '1') return v1
  if (major !== '2') return undefined
  if (build !== 'msgpack') return v2
  return toClient === 'any' ? msgpack : msgpackUp
}
