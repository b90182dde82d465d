/** The serializer that a client asks for by `vsn` (protocol 1.4). */
import type { Codec } from '../protocol/codec.ts'
import { v1 } from '../protocol/v1.ts'
import { v2 } from '../protocol/v2.ts'

/**
 * `~> 1.0.0` or `~> 2.0.0`: a full semantic version, numbers without leading zeros, build metadata allowed.
 * A pre-release is none of ours.
 */
const SUPPORTED = /^([12])\.0\.(?:0|[1-9]\d*)(?:\+[\da-z-]+(?:\.[\da-z-]+)*)?$/i

/** V1 without a `vsn`; undefined where the connection is to be refused with 403 (C1.11 to C1.18). */
export function codecFor(vsn: unknown): Codec | undefined {
  if (vsn === undefined) return v1
  const major = typeof vsn === 'string' ? SUPPORTED.exec(vsn)?.[1] : undefined
  if (major === '1') return v1
  return major === '2' ? v2 : undefined
}
