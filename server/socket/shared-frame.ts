import type { Broadcast } from '../protocol/broadcast.ts'
import type { Codec } from '../protocol/codec.ts'

/** A frame's bytes, encoded once for many sockets. */
export interface SharedFrame {
  readonly data: Uint8Array
  readonly isBinary: boolean
}

const frames = new WeakMap<Broadcast, Map<Codec, SharedFrame>>()

/** The frame of a broadcast under its own topic. Throws EncodeError. */
export function sharedFrame(broadcast: Broadcast, codec: Codec): SharedFrame {
  let byCodec = frames.get(broadcast)
  if (!byCodec) {
    byCodec = new Map()
    frames.set(broadcast, byCodec)
  }
  let shared = byCodec.get(codec)
  if (!shared) {
    const frame = codec.broadcast(broadcast.topic, broadcast)
    const isBinary = typeof frame !== 'string'
    shared = { data: isBinary ? frame : Buffer.from(frame), isBinary }
    byCodec.set(codec, shared)
  }
  return shared
}
