/** Plays one attack on a server, and judges how the server answered on that connection. */
import { connect, type Socket } from 'node:net'
import { CLOSE } from '../../server/protocol/close.ts'
import { encodeClientPush } from '../support/client-codec.ts'
import { within } from '../support/deadline.ts'
import { type Attack, handshakeOf, writesOf } from './attacks.ts'
import { ServerBytes } from './server-bytes.ts'
import { encodeFrame, OPCODE } from './websocket-frames.ts'

/** For a server with two busy cores, and a message of a million characters. */
const DEADLINE_MS = 15_000
const FENCE = 'fence'
const CODES = new Set<number>(Object.values(CLOSE).map(({ code }) => code))
const CUT = 1006

/** What was sent and what came back, in numbers. */
export interface Played {
  readonly writes: number
  readonly messages: number
  /** What it ended with: `1006` without a close frame, `open` where a heartbeat was answered. */
  readonly end: string
}

/** Rejects with what the server did wrong; `foreign` are the markers of other clients. */
export async function play(
  url: string,
  attack: Attack,
  foreign: ReadonlySet<string>,
): Promise<Played> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  const connection = new Connection(socket, new ServerBytes(attack, foreign))
  try {
    if (attack.kind !== 'http') {
      socket.write(handshakeOf(attack.version))
      await connection.until((bytes) => bytes.isUpgraded, 'an answer to a good handshake')
    }
    const writes = writesOf(attack)
    for (const bytes of writes) await connection.write(bytes)
    if (attack.kind === 'messages') await connection.fence(attack)
    else socket.end()
    const end = attack.kind === 'messages' ? connection.end : await connection.ended()
    judgeEnd(attack, end)
    const { messages, statuses } = connection.bytes
    return { writes: writes.length, messages: messages.length + statuses.length, end }
  } finally {
    socket.destroy()
  }
}

/** Only well-framed messages bind the server to its own codes: to a close frame it answers with its code. */
function judgeEnd({ kind, mayBeCut }: Attack, end: string): void {
  const code = Number(end)
  if (kind !== 'messages' || end === 'open') return
  if (code === CUT ? !mayBeCut : !CODES.has(code)) throw new Error(`it was closed with ${end}`)
}

class Connection {
  readonly bytes: ServerBytes
  readonly #socket: Socket
  readonly #closed: Promise<void>
  #isClosed = false
  #fault: unknown
  #check = () => {}

  constructor(socket: Socket, bytes: ServerBytes) {
    this.#socket = socket
    this.bytes = bytes
    socket.on('data', (data: Buffer) => this.#take(data))
    // Reset where the server had not read all: an end like any other.
    socket.on('error', () => {})
    this.#closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#isClosed = true
        this.#check()
        resolve()
      })
    })
  }

  /** The code that the connection ended with; 1006 where there was none. */
  get end(): string {
    const { closeCode } = this.bytes
    if (closeCode === undefined && !this.#isClosed) return 'open'
    return String(closeCode ?? CUT)
  }

  /** Each in a packet of its own, as far as TCP lets; what comes too late for an ended one is not sent. */
  async write(data: Uint8Array): Promise<void> {
    if (this.#isClosed || !this.#socket.writable) return
    if (!this.#socket.write(data)) {
      await within(
        Promise.race([drained(this.#socket), this.#closed]),
        DEADLINE_MS,
        'room for what is written',
      )
    }
    await new Promise((resolve) => setImmediate(resolve))
    this.#throwFault()
  }

  /** Resolves when the server has answered a heartbeat, or has closed. */
  async fence({ version }: Attack): Promise<void> {
    const heartbeat = {
      topic: 'phoenix',
      event: 'heartbeat',
      payload: {},
      ref: FENCE,
      joinRef: null,
    }
    const payload = Buffer.from(encodeClientPush(version, heartbeat))
    await this.write(encodeFrame({ opcode: OPCODE.text, payload }))
    const isOver = ({ messages, closeCode }: ServerBytes) =>
      closeCode !== undefined || messages.some(({ ref }) => ref === FENCE)
    await this.until(isOver, 'the answer to a heartbeat, or an end')
  }

  /** Resolves with the code of the end. */
  async ended(): Promise<string> {
    await within(this.#closed, DEADLINE_MS, 'an end after the client’s end')
    this.#throwFault()
    return this.end
  }

  /** Resolves when it is so, or the connection has ended. */
  async until(isSo: (bytes: ServerBytes) => boolean, what: string): Promise<void> {
    const so = new Promise<void>((resolve) => {
      this.#check = () => {
        if (this.#isClosed || this.#fault !== undefined || isSo(this.bytes)) resolve()
      }
    })
    this.#check()
    await within(so, DEADLINE_MS, what)
    this.#throwFault()
  }

  #take(data: Buffer): void {
    if (this.#fault !== undefined) return
    try {
      this.bytes.take(data)
    } catch (error) {
      this.#fault = error
    }
    this.#check()
  }

  #throwFault(): void {
    if (this.#fault !== undefined) throw this.#fault
  }
}

const drained = (socket: Socket): Promise<void> =>
  new Promise((resolve) => socket.once('drain', () => resolve()))
