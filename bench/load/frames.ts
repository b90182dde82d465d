/** WebSocket frames as the load client needs them: written once, masked, and only counted when they come. */

/** A client's frame, masked as the protocol wants it. Precompute it: it may be sent as often as one likes. */
export function clientFrame(payload: string | Uint8Array): Buffer {
  const data = Buffer.from(payload)
  const head =
    data.length < 126
      ? Buffer.from([0, 0x80 | data.length])
      : data.length < 65_536
        ? Buffer.from([0, 0x80 | 126, data.length >> 8, data.length & 255])
        : Buffer.concat([Buffer.from([0, 0x80 | 127]), uint64(data.length)])
  head[0] = 0x80 | (typeof payload === 'string' ? 1 : 2)
  const mask = Buffer.from([0x12, 0x34, 0x56, 0x78])
  for (let at = 0; at < data.length; at += 1) {
    data[at] = Number(data[at]) ^ Number(mask[at & 3])
  }
  return Buffer.concat([head, mask, data])
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

/** Counts the server's frames in a stream of chunks, wherever these are cut. Frames are not masked. */
export class FrameCounter {
  /** Bytes of the current frame that are still to come. */
  #left = 0
  /** The beginning of a header that was cut. */
  #cut: Buffer | undefined

  /** How many frames end in this chunk. */
  count(chunk: Buffer): number {
    let bytes = chunk
    if (this.#cut) {
      bytes = Buffer.concat([this.#cut, chunk])
      this.#cut = undefined
    }
    let frames = 0
    let at = 0
    for (;;) {
      if (this.#left > bytes.length - at) {
        this.#left -= bytes.length - at
        return frames
      }
      if (this.#left > 0) {
        at += this.#left
        this.#left = 0
        frames += 1
      }
      if (at === bytes.length) return frames
      const head = headerOf(bytes, at)
      if (!head) {
        this.#cut = Buffer.from(bytes.subarray(at))
        return frames
      }
      at += head.size
      this.#left = head.payload
      if (head.payload === 0) frames += 1
    }
  }
}

function headerOf(bytes: Buffer, at: number): { size: number; payload: number } | undefined {
  const have = bytes.length - at
  if (have < 2) return undefined
  const length = Number(bytes[at + 1]) & 127
  if (length < 126) return { size: 2, payload: length }
  if (length === 126) return have < 4 ? undefined : { size: 4, payload: bytes.readUInt16BE(at + 2) }
  return have < 10 ? undefined : { size: 10, payload: Number(bytes.readBigUInt64BE(at + 2)) }
}
