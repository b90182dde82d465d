/** What one hostile client does on one connection, written to TCP piece by piece. */
import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import type { Version } from '../support/client-codec.ts'
import { beginning, type ClientMessage, clientMessage, damagedBytes } from './messages.ts'
import { encodeFrame, OPCODE } from './websocket-frames.ts'

export interface Attack {
  /** Names the client, its topics and its session; stands in no other attack. */
  readonly marker: string
  readonly version: Version
  /**
   * `messages`: a good handshake, then well-framed messages whatever they hold, so that the server is still able
   * to answer a heartbeat. `bytes`: a good handshake, then anything. `http`: anything from the first byte on.
   */
  readonly kind: 'messages' | 'bytes' | 'http'
  /** Of `messages`, each a whole message: any may be left out. */
  readonly parts: readonly Uint8Array[]
  /** Where the bytes of all parts are cut to be written; empty: each part is written by itself. */
  readonly cuts: readonly number[]
  /** uWebSockets.js may end the connection without a close frame: some text is no UTF-8, or too big. */
  readonly mayBeCut: boolean
  /** Some ref may be nested too deeply for JSON.stringify: no answer can carry it, and the topic crashes. */
  readonly mayCrash: boolean
}

/** The server's limit by default; it takes frames of up to twice that, and cuts who sends more. */
const MAX_FRAME_BYTES = 1_048_576
/** Whatever is shorter is not too deep. */
const DEEP_BYTES = 2_000

/** The `batch`-th attacks of a seed: the same ones each time. */
export function attacksOf(seed: number, batch: number, count: number): readonly Attack[] {
  return Array.from({ length: count }, (_, index) => {
    const hash = createHash('sha256').update(`${seed}/${batch}/${index}`).digest('hex')
    const arbitrary = attack(`c${hash.slice(0, 16)}`)
    const options = { seed: seed + batch * 1_000 + index, numRuns: 1, unbiased: true }
    return fc.sample(arbitrary, options)[0] as Attack
  })
}

function attack(marker: string): fc.Arbitrary<Attack> {
  const version = fc.constantFrom<Version>('v1', 'v2')
  return version.chain((its) =>
    fc.oneof(
      { weight: 6, arbitrary: ofMessages(marker, its) },
      { weight: 4, arbitrary: ofBytes(marker, its) },
      { weight: 2, arbitrary: ofHttp(marker, its) },
    ),
  )
}

const withBeginning = (marker: string, version: Version) =>
  fc
    .tuple(fc.boolean(), fc.array(clientMessage(marker, version), { minLength: 1, maxLength: 10 }))
    .map(([begins, messages]) => [...(begins ? beginning(marker, version) : []), ...messages])

const cuts = fc.oneof(
  { weight: 2, arbitrary: fc.constant<readonly number[]>([]) },
  { weight: 1, arbitrary: fc.array(fc.nat(), { maxLength: 8 }) },
)

function ofMessages(marker: string, version: Version): fc.Arbitrary<Attack> {
  return withBeginning(marker, version).chain((messages) =>
    fc.tuple(fc.tuple(...messages.map(framed)), cuts).map(([parts, places]) => ({
      marker,
      version,
      kind: 'messages',
      parts,
      cuts: places,
      mayBeCut: messages.some(
        ({ bytes, isBinary }) =>
          bytes.length > 2 * MAX_FRAME_BYTES || (!isBinary && !isUtf8(bytes)),
      ),
      mayCrash: messages.some(({ bytes }) => bytes.length > DEEP_BYTES),
    })),
  )
}

/** What is written to TCP, one by one. */
export function writesOf({ parts, cuts: places }: Attack): readonly Uint8Array[] {
  return places.length === 0 ? parts : pieces(Buffer.concat(parts), places)
}

/** The bytes, cut at places that wrap around. */
function pieces(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b)
  return [...ends, bytes.length].map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end))
}

const control = fc.record({
  opcode: fc.constantFrom(OPCODE.ping, OPCODE.pong),
  payload: fc.uint8Array({ maxLength: 125, size: 'medium' }),
})

/** One message as one frame, or in fragments, with control frames between them. */
function framed({ isBinary, bytes }: ClientMessage): fc.Arbitrary<Uint8Array> {
  const opcode = isBinary ? OPCODE.binary : OPCODE.text
  const whole = fc.constant<Uint8Array>(encodeFrame({ opcode, payload: bytes }))
  const places = fc.array(fc.nat(), { minLength: 1, maxLength: 4 })
  const fragments = fc.tuple(places, fc.array(control, { maxLength: 4 })).map(([at, controls]) => {
    const payloads = pieces(bytes, at)
    const frames = payloads.flatMap((payload, index) => {
      const isLast = index === payloads.length - 1
      const its = index === 0 ? opcode : OPCODE.continuation
      const between = isLast ? undefined : controls[index]
      return [{ opcode: its, fin: isLast, payload }, ...(between ? [between] : [])]
    })
    return Buffer.concat(frames.map(encodeFrame))
  })
  return fc.oneof({ weight: 3, arbitrary: whole }, { weight: 1, arbitrary: fragments })
}

function ofBytes(marker: string, version: Version): fc.Arbitrary<Attack> {
  const message = clientMessage(marker, version)
  const wrong: fc.Arbitrary<Uint8Array> = fc
    .record({
      message,
      opcode: fc.oneof(fc.constantFrom(...Object.values(OPCODE)), fc.nat(15)),
      fin: fc.boolean(),
      rsv: fc.constantFrom(0, 0, 1, 2, 4, 7),
      masked: fc.boolean(),
      length: fc.constantFrom('shortest', 'two bytes', 'eight bytes', 'lie'),
    })
    .map(({ message: { bytes }, ...frame }) => encodeFrame({ ...frame, payload: bytes }))
  const closing = fc
    .uint8Array({ maxLength: 130, size: 'medium' })
    .map((payload) => encodeFrame({ opcode: OPCODE.close, payload }))
  const right = message.map(({ isBinary, bytes }) =>
    encodeFrame({ opcode: isBinary ? OPCODE.binary : OPCODE.text, payload: bytes }),
  )
  const write = fc.oneof(
    { weight: 4, arbitrary: right },
    { weight: 2, arbitrary: wrong },
    { weight: 1, arbitrary: damagedBytes(right) },
    { weight: 1, arbitrary: closing },
    { weight: 1, arbitrary: fc.uint8Array({ size: 'medium' }) },
  )
  return fc.tuple(fc.array(write, { minLength: 1, maxLength: 8 }), cuts).map(([parts, places]) => ({
    marker,
    version,
    kind: 'bytes',
    parts,
    cuts: places,
    mayBeCut: true,
    mayCrash: true,
  }))
}

/** A good handshake for phoenix.js's URL. */
export const handshakeOf = (version: Version): string =>
  [
    `GET /socket/websocket?vsn=${version === 'v1' ? '1.0.0' : '2.0.0'} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    '',
    '',
  ].join('\r\n')

/** No version that there is: a session would be there for half a minute, and a batch ends with nobody there. */
const LONG_POLL = '/socket/longpoll?vsn=9.0.0'
const PLAIN = ['/healthz', '/readyz', '/metrics', '/', '/../../etc/passwd', LONG_POLL]

function ofHttp(marker: string, version: Version): fc.Arbitrary<Attack> {
  const handshake = handshakeOf(version)
  const line = fc.constantFrom(
    `X-Long: ${'x'.repeat(20_000)}`,
    'X-Nul: \0',
    'X-Fold: a\r\n b',
    'Content-Length: 5',
    'Content-Length: -1',
    'Transfer-Encoding: chunked',
    'Sec-WebSocket-Key: short',
    'Sec-WebSocket-Version: 7',
    'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=99',
    'Sec-WebSocket-Protocol: phoenix, base64url.bearer.phx.***',
    'Origin: http://evil.example',
    'no colon',
  )
  const withLine = line.map((each) => handshake.replace('\r\n\r\n', `\r\n${each}\r\n\r\n`))
  const withUrl = fc
    .string({ unit: 'binary', maxLength: 300, size: 'medium' })
    .map((path) => handshake.replace('/socket/websocket', `/${path}`))
  const plain = fc
    .tuple(fc.constantFrom('GET', 'HEAD', 'POST', 'OPTIONS', 'BREW'), fc.constantFrom(...PLAIN))
    .map(([method, path]) => `${method} ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
  const text = fc
    .oneof(fc.constant(handshake), withLine, withUrl, plain)
    .map((each): Uint8Array => Buffer.from(each))
  const frame = clientMessage(marker, version).map(({ bytes }): Uint8Array => {
    return encodeFrame({ opcode: OPCODE.text, payload: bytes })
  })
  const part = fc.oneof(
    { weight: 4, arbitrary: text },
    { weight: 2, arbitrary: damagedBytes(text) },
    { weight: 2, arbitrary: frame },
    { weight: 1, arbitrary: fc.uint8Array({ size: 'medium' }) },
  )
  return fc.tuple(fc.array(part, { minLength: 1, maxLength: 4 }), cuts).map(([parts, places]) => ({
    marker,
    version,
    kind: 'http',
    parts,
    cuts: places,
    mayBeCut: true,
    mayCrash: true,
  }))
}
