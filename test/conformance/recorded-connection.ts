import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import { packed, unpacked } from './packed.ts'
import type { Recording } from './recording.ts'
import type { ConnectionPlan, ConnectionRecord, FrameBody, Outgoing } from './scenario.ts'

const HANDSHAKE_MS = 10_000
const MASKED_64_BIT_LENGTH = 0xff
const SPACE = 0x20

/** One WebSocket of a play, which writes down all that comes. */
export class RecordedConnection {
  readonly record: ConnectionRecord = { open: null, frames: [], close: null }
  /** Resolves when the handshake has ended, one way or the other. */
  readonly opened: Promise<void>
  /** Resolves when the connection has ended. */
  readonly closed: Promise<void>
  readonly #socket: WebSocket
  readonly #recording: Recording
  /** Whether it speaks MessagePack, where its scenario speaks V2. */
  readonly #isPacked: boolean
  #stream: Socket | undefined

  constructor(url: string, plan: ConnectionPlan, recording: Recording, isPacked: boolean) {
    this.#recording = recording
    this.#isPacked = isPacked
    this.#socket = new WebSocket(url, [...(plan.protocols ?? [])], {
      headers: { ...plan.headers },
      perMessageDeflate: plan.deflate === true,
      handshakeTimeout: HANDSHAKE_MS,
      maxPayload: 0,
    })
    const refused = this.#recordHandshake()
    this.#recordFrames()
    this.closed = new Promise((resolve) => this.#socket.once('close', () => resolve()))
    const open = new Promise<void>((resolve) => this.#socket.once('open', resolve))
    this.opened = Promise.race([open, refused, this.closed])
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN
  }

  send(what: Outgoing): void {
    const socket = this.#socket
    if (this.#isPacked) socket.send(packed(what))
    else if (typeof what === 'string') socket.send(what)
    else if ('binary' in what) socket.send(bytes(what.binary))
    else if ('textBytes' in what) socket.send(bytes(what.textBytes), { binary: false })
    else if ('repeat' in what) {
      socket.send(what.prefix + what.repeat.repeat(what.times) + what.suffix)
    } else {
      for (const [index, part] of what.fragments.entries()) {
        const fin = index === what.fragments.length - 1
        if (typeof part === 'string') socket.send(part, { binary: false, fin })
        else socket.send(bytes(part.binary), { binary: true, fin })
      }
    }
  }

  /** Puts bytes on the TCP stream, past everything that would make a good frame of them. */
  sendRaw(base64: string): void {
    this.#stream?.write(bytes(base64))
  }

  sendFilled(first: number, size: number): void {
    const header = Buffer.alloc(14)
    header[0] = first
    header[1] = MASKED_64_BIT_LENGTH
    header.writeBigUInt64BE(BigInt(size), 2)
    this.#stream?.write(Buffer.concat([header, Buffer.alloc(size, SPACE)]))
  }

  ping(text: string): void {
    this.#socket.ping(text)
  }

  pong(text: string): void {
    this.#socket.pong(text)
  }

  close(code?: number, reason?: string): void {
    this.#socket.close(code, reason)
  }

  terminate(): void {
    this.#socket.terminate()
  }

  /** Resolves when a refusal was read to its end. */
  #recordHandshake(): Promise<void> {
    const socket = this.#socket
    socket.on('upgrade', (response) => {
      this.#stream = response.socket
      this.#recordAnswer(response)
    })
    socket.on('open', () => {
      this.#recording.touch()
      if (socket.extensions && this.record.open) this.record.open.extensions = socket.extensions
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const cause = error.code ?? error.message
      this.#recording.touch()
      if (this.record.open === null) this.record.open = { error: cause }
      else this.record.errors = [...(this.record.errors ?? []), cause]
    })
    return new Promise((resolve) => {
      socket.on('unexpected-response', (_request, response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (part: string) => {
          body += part
        })
        response.once('close', () => {
          this.#recordAnswer(response, body)
          resolve()
        })
      })
    })
  }

  #recordAnswer(response: IncomingMessage, text?: string): void {
    const { normaliser } = this.#recording
    this.#recording.touch()
    const { headers, body } = normaliser.answer(response.headers, text ?? '')
    const status = response.statusCode ?? 0
    this.record.open = text === undefined ? { status, headers } : { status, headers, body }
  }

  #recordFrames(): void {
    const recording = this.#recording
    const add = (frame: FrameBody): void => {
      recording.touch()
      this.record.frames.push({ afterStep: recording.step, ...frame })
    }
    this.#socket.on('message', (data: Buffer, isBinary) => {
      const body = bodyOf(data, isBinary, this.#isPacked)
      add('text' in body ? { text: recording.normaliser.text(body.text) } : body)
    })
    this.#socket.on('ping', (data) => add({ ping: data.toString() }))
    this.#socket.on('pong', (data) => add({ pong: data.toString() }))
    this.#socket.once('close', (code, reason) => {
      recording.touch()
      // What never opened was refused, not closed.
      if (this.record.open?.status !== 101) return
      this.record.close = { afterStep: recording.step, code, reason: reason.toString() }
    })
  }
}

function bodyOf(data: Buffer, isBinary: boolean, isPacked: boolean): FrameBody {
  if (!isBinary) return { text: data.toString() }
  return isPacked ? unpacked(data) : { binary: data.toString('base64') }
}

function bytes(base64: string): Buffer {
  return Buffer.from(base64, 'base64')
}
