import { WebSocket } from 'ws'
import {
  decodeServerFrame,
  encodePush,
  type Version,
  type WireMessage,
  type WirePush,
} from './client-codec.ts'
import { Queue } from './queue.ts'

/** With the machine busy. */
const HANDSHAKE_MS = 10_000
const SHOWN_CHARS = 200

/** How to connect; `path` is `/socket/websocket` unless told. */
export interface WireOptions {
  /** The `vsn` parameter, 2.0.0 unless told; null leaves it out, which means 1.0.0. */
  readonly vsn?: '1.0.0' | '2.0.0' | '2.0.0+msgpack' | null
  readonly params?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly protocols?: readonly string[]
  readonly path?: string
}

/** A frame of the server, decoded, and as it came. */
export interface WireFrame extends WireMessage {
  readonly raw: string | Uint8Array
}

/** How a connection ended; 1006 without a close frame. */
interface WireClose {
  readonly code: number
  readonly reason: string
}

/** A WebSocket that knows the wire format and nothing of channels: it sends any nonsense. */
export interface WireClient {
  /** All frames so far, oldest first. */
  readonly frames: readonly WireFrame[]
  readonly closed: Promise<WireClose>
  /** A string goes as a text frame, bytes as a binary one. */
  send(raw: string | Uint8Array): void
  /** Sends a message in the form of the connection's `vsn`. */
  push(message: WirePush): void
  /**
   * The first frame that matches among those not handed out yet, now or to come. Rejects at the
   * deadline, or when the connection ends, with a list of what did come.
   */
  next(matches?: (frame: WireFrame) => boolean, timeoutMs?: number): Promise<WireFrame>
  /**
   * The frames not handed out yet that came before the reply to a heartbeat: what a test looks at that
   * expects nothing. A heartbeat overtakes work in a channel's queue; to wait behind that, go `through`
   * an event of the channel that replies.
   */
  fence(through?: Omit<WirePush, 'ref'>): Promise<readonly WireFrame[]>
  /** Reads nothing, until `resume`. */
  pause(): void
  resume(): void
  close(code?: number, reason?: string): void
  /** Cuts the connection without a word. */
  terminate(): void
}

const HEARTBEAT = { topic: 'phoenix', event: 'heartbeat' }
const open = new Set<WebSocket>()

/** Matches the reply to `ref`. */
export function replyTo(ref: unknown): (frame: WireMessage) => boolean {
  return (frame) => frame.event === 'phx_reply' && frame.ref === ref
}

/** Connects to the server at `url` (`http:` or `ws:`). Rejects when it refuses. */
export async function connectWire(url: string, options: WireOptions = {}): Promise<WireClient> {
  const vsn = options.vsn === undefined ? '2.0.0' : options.vsn
  const version = versionOf(vsn)
  const socket = new WebSocket(socketUrl(url, vsn, options), [...(options.protocols ?? [])], {
    headers: { ...options.headers },
    handshakeTimeout: HANDSHAKE_MS,
    maxPayload: 0,
  })
  open.add(socket)
  // Listening from the first moment: a server may send before the client's `open` was handled.
  const queue = receive(socket, version)
  const closed = closeOf(socket, queue)
  await opened(socket)
  return client(socket, version, queue, closed)
}

/** Cuts every connection that a test left open: for `afterEach`. */
export function terminateWires(): void {
  for (const socket of open) socket.terminate()
}

function client(
  socket: WebSocket,
  version: Version,
  queue: Queue<WireFrame>,
  closed: Promise<WireClose>,
): WireClient {
  const send = (raw: string | Uint8Array): void => socket.send(raw)
  const push = (message: WirePush): void => send(encodePush(version, message))
  let fences = 0
  return {
    frames: queue.all,
    closed,
    send,
    push,
    next: (matches, timeoutMs) => queue.next(matches, timeoutMs),
    async fence(through = HEARTBEAT) {
      fences += 1
      const ref = `fence-${fences}`
      push({ ...through, ref })
      const before = queue.all.indexOf(await queue.next(replyTo(ref)))
      return queue.unclaimed.filter((frame) => queue.all.indexOf(frame) < before)
    },
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close: (code, reason) => socket.close(code, reason),
    terminate: () => socket.terminate(),
  }
}

function versionOf(vsn: string | null): Version {
  if (vsn === '2.0.0+msgpack') return 'msgpack'
  return vsn === '2.0.0' ? 'v2' : 'v1'
}

function socketUrl(url: string, vsn: string | null, options: WireOptions): URL {
  const target = new URL(options.path ?? '/socket/websocket', url.replace(/^http/, 'ws'))
  const params = vsn === null ? options.params : { ...options.params, vsn }
  for (const [key, value] of Object.entries(params ?? {})) target.searchParams.append(key, value)
  return target
}

function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
}

/** A frame that is none of the protocol's ends the connection, and whoever waits is told. */
function receive(socket: WebSocket, version: Version): Queue<WireFrame> {
  const queue = new Queue<WireFrame>((frame) => show(frame.raw))
  socket.on('message', (data: Buffer, isBinary) => {
    const raw = isBinary ? data : data.toString()
    try {
      queue.push({ ...decodeServerFrame(version, raw), raw })
    } catch (error) {
      queue.end(new Error(`undecodable frame ${show(raw)}: ${String(error)}`))
      socket.terminate()
    }
  })
  return queue
}

function closeOf(socket: WebSocket, queue: Queue<WireFrame>): Promise<WireClose> {
  return new Promise((resolve) => {
    let cause = ''
    socket.on('error', (error) => {
      cause = ` (${error.message})`
    })
    socket.once('close', (code, bytes) => {
      open.delete(socket)
      const reason = bytes.toString()
      queue.end(new Error(`connection closed with ${code} '${reason}'${cause}`))
      resolve({ code, reason })
    })
  })
}

function show(raw: string | Uint8Array): string {
  const text = typeof raw === 'string' ? raw : `<${Buffer.from(raw).toString('hex')}>`
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}… (${text.length})` : text
}
