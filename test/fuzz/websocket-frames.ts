/** WebSocket frames byte by byte (RFC 6455, 5.2): what clients may send and what they may not. */

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** A client's frame. What is left out is as it must be. */
export interface ClientFrame {
  readonly opcode: number
  readonly payload: Uint8Array
  readonly fin?: boolean
  /** The three reserved bits, 0 to 7. */
  readonly rsv?: number
  readonly masked?: boolean
  /** How its length is written: `lie` says a petabyte. */
  readonly length?: 'shortest' | 'two bytes' | 'eight bytes' | 'lie'
}

const MASK = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d)
const PETABYTE = 2n ** 50n

export function encodeFrame(frame: ClientFrame): Buffer {
  const { opcode, payload, fin = true, rsv = 0, masked = true } = frame
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  const length = lengthBytes(payload.length, frame.length ?? 'shortest')
  length[0] = (length[0] ?? 0) | (masked ? 0x80 : 0)
  const body = masked ? payload.map((byte, at) => byte ^ (MASK[at % 4] ?? 0)) : payload
  return Buffer.concat([Uint8Array.of(first), length, masked ? MASK : Buffer.of(), body])
}

function lengthBytes(length: number, form: NonNullable<ClientFrame['length']>): Buffer {
  const needed = length < 126 ? 'shortest' : length < 65_536 ? 'two bytes' : 'eight bytes'
  const written = form === 'shortest' || needed === 'eight bytes' ? needed : form
  if (written === 'shortest') return Buffer.of(length)
  const bytes = Buffer.alloc(written === 'two bytes' ? 3 : 9)
  bytes[0] = written === 'two bytes' ? 126 : 127
  if (written === 'two bytes') bytes.writeUInt16BE(length, 1)
  else bytes.writeBigUInt64BE(form === 'lie' ? PETABYTE : BigInt(length), 1)
  return bytes
}

/** A server's frame, as it must be: whole, unmasked, without reserved bits. */
export interface ServerFrame {
  readonly opcode: number
  readonly payload: Buffer
}

/** The first frame of what a server sent, and what follows it; undefined where it is not whole yet. */
export function readServerFrame(
  bytes: Buffer,
): { readonly frame: ServerFrame; readonly rest: Buffer } | undefined {
  if (bytes.length < 2) return undefined
  const [first = 0, second = 0] = bytes
  const opcode = first & 0x0f
  const isKnown = opcode !== OPCODE.continuation && Object.values<number>(OPCODE).includes(opcode)
  if (first >> 4 !== 8 || !isKnown) {
    throw new Error(`a frame that begins with byte 0x${first.toString(16)}`)
  }
  if (second & 0x80) throw new Error('a masked frame of a server')
  const at = second < 126 ? 2 : second === 126 ? 4 : 10
  if (bytes.length < at) return undefined
  const length =
    second < 126 ? second : Number(at === 4 ? bytes.readUInt16BE(2) : bytes.readBigUInt64BE(2))
  if (bytes.length < at + length) return undefined
  const frame = { opcode, payload: bytes.subarray(at, at + length) }
  return { frame, rest: bytes.subarray(at + length) }
}
