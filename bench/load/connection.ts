import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { FrameCounter } from './frames.ts'

const OPEN_MS = 20_000
/** All sockets of the process read into one buffer: what it holds is counted before the next one reads. */
const READ_BUFFER = Buffer.allocUnsafe(256 * 1024)

const CLOSED = 'the server closed a connection'

interface Waiting {
  readonly until: number
  readonly done: () => void
  readonly fail: (error: Error) => void
}

/** One WebSocket over plain TCP. It sends frames that are ready, and counts those that come. */
export class LoadConnection {
  readonly #socket: Socket
  readonly #counter = new FrameCounter()
  /** Called with the number of frames that came, whenever some did. */
  onFrames: (count: number) => void = () => undefined
  /** Called when the server closes the connection. */
  onLost: (error: Error) => void = () => undefined
  received = 0
  closed = false
  #handshake = ''
  #opened: (() => void) | undefined
  #waiting: Waiting | undefined

  private constructor(port: number, path: string) {
    const onread = {
      buffer: READ_BUFFER,
      callback: (size: number) => {
        this.#read(READ_BUFFER.subarray(0, size))
        return true
      },
    }
    // In the options since Node 10, in the typings' `ConnectOpts`.
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true, onread })
    this.#socket.on('error', () => undefined)
    this.#socket.on('close', () => {
      this.closed = true
      const error = new Error(CLOSED)
      this.#waiting?.fail(error)
      this.onLost(error)
    })
    const key = randomBytes(16).toString('base64')
    this.#socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
    )
  }

  /** Resolves when the handshake is done; rejects when the server refuses it, or takes too long. */
  static open(port: number, path: string): Promise<LoadConnection> {
    const connection = new LoadConnection(port, path)
    return new Promise((resolve, reject) => {
      const late = () => reject(new Error(`no handshake on ${path}: ${connection.#handshake}`))
      const timer = setTimeout(late, OPEN_MS)
      connection.#socket.once('close', late)
      connection.#opened = () => {
        clearTimeout(timer)
        resolve(connection)
      }
    })
  }

  send(frames: Buffer): void {
    this.#socket.write(frames)
  }

  /** Resolves when so many frames came in all. */
  async until(received: number): Promise<void> {
    if (this.received >= received) return
    if (this.closed) throw new Error(CLOSED)
    await new Promise<void>((done, fail) => {
      this.#waiting = { until: received, done, fail }
    })
    this.#waiting = undefined
  }

  close(): void {
    this.#socket.destroy()
  }

  #read(chunk: Buffer): void {
    let data = chunk
    if (this.#opened) {
      this.#handshake += chunk.toString('latin1')
      const end = this.#handshake.indexOf('\r\n\r\n')
      if (end < 0 || !this.#handshake.startsWith('HTTP/1.1 101')) return
      data = Buffer.from(this.#handshake.slice(end + 4), 'latin1')
      this.#opened()
      this.#opened = undefined
    }
    const frames = this.#counter.count(data)
    if (frames === 0) return
    this.received += frames
    if (this.#waiting && this.received >= this.#waiting.until) this.#waiting.done()
    this.onFrames(frames)
  }
}
