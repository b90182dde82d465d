import { type Channel, type Push, Socket, type SocketConnectOption } from 'phoenix'
import { WebSocket } from 'ws'
import { within } from './deadline.ts'
import { Queue } from './queue.ts'

const OPEN_MS = 10_000

/** Options with which a socket and its channels come back without phoenix.js’s seconds of waiting. */
export const AT_ONCE = { reconnectAfterMs: () => 10, rejoinAfterMs: () => 10 }

/** Node 20 has no WebSocket of its own. Each is remembered, so that none outlives its test. */
class Transport extends WebSocket {
  constructor(url: string, protocols?: string | string[]) {
    super(url, protocols)
    transports.add(this)
    this.once('close', () => transports.delete(this))
  }
}

const transports = new Set<WebSocket>()
const sockets = new Set<Socket>()

/** What a reply to a push can be; `timeout` is phoenix.js's own answer where none came. */
const STATUSES = ['ok', 'error', 'timeout'] as const

interface Reply {
  readonly status: (typeof STATUSES)[number]
  readonly response: unknown
}

/**
 * Opens the official client's socket at `url`, the mount of a server (`http://…/socket`). Rejects at the
 * first error, where phoenix.js itself would try again for ever. `Client` is the `Socket` of another release.
 */
export async function openSocket(
  url: string,
  options: Partial<SocketConnectOption> = {},
  Client = Socket,
): Promise<Socket> {
  const socket = new Client(url.replace(/^http/, 'ws'), { transport: Transport, ...options })
  sockets.add(socket)
  const opened = new Promise<void>((resolve, reject) => {
    socket.onOpen(resolve)
    socket.onError((error) => reject(new Error(`no socket at ${url}: ${describe(error)}`)))
  })
  socket.connect()
  try {
    await within(opened, OPEN_MS, `a socket at ${url}`)
  } catch (error) {
    endSocket(socket as unknown as Beating)
    throw error
  }
  return socket
}

/** What the releases of phoenix.js have, but do not tell. */
interface Beating {
  heartbeatTimer?: NodeJS.Timeout | null
  disconnect(): void
  sendHeartbeat(): void
}

/**
 * Ends a socket of any release for good: before 1.6 they go on with their heartbeats, which would keep the process
 * for ever, and 1.5 forgets the timer of the next one.
 */
export function endSocket(socket: Beating): void {
  socket.disconnect()
  if (socket.heartbeatTimer) clearTimeout(socket.heartbeatTimer)
  socket.sendHeartbeat = () => undefined
}

/** The codes with which the socket's connections end, from now on. */
export function closesOf(socket: Socket): Queue<number> {
  const closes = new Queue<number>(String)
  socket.onClose(({ code }: { readonly code: number }) => closes.push(code))
  return closes
}

/** Ends every socket that a test opened, and waits until none is left: for `afterEach`. */
export async function closeSockets(): Promise<void> {
  for (const socket of sockets) endSocket(socket as unknown as Beating)
  sockets.clear()
  const closed = [...transports].map((transport) => {
    const end = new Promise<void>((resolve) => transport.once('close', () => resolve()))
    transport.terminate()
    return end
  })
  await within(Promise.all(closed), OPEN_MS, 'the end of the sockets')
}

/** Joins and returns the reply. Rejects when the join is refused or not answered. */
export function joinChannel(channel: Channel): Promise<unknown> {
  return answer(channel.join(), 'ok', `join of ${channel.topic}`)
}

/** Joins a channel that refuses, and returns the refusal. Rejects when it lets in. */
export function joinRefused(channel: Channel): Promise<unknown> {
  return answer(channel.join(), 'error', `join of ${channel.topic}`)
}

/** Pushes and returns the response of the `ok` reply. Rejects at any other. */
export function pushOk(channel: Channel, event: string, payload: object = {}): Promise<unknown> {
  return answer(channel.push(event, payload), 'ok', event)
}

/** Pushes and returns the response of the `error` reply. Rejects at any other. */
export function pushError(channel: Channel, event: string, payload: object = {}): Promise<unknown> {
  return answer(channel.push(event, payload), 'error', event)
}

/** The payloads of one event of one channel. */
export interface Collected {
  /** All payloads so far, oldest first. */
  readonly all: readonly unknown[]
  /** The first payload not handed out yet (that matches), now or to come; see {@link Queue.next}. */
  next(matches?: (payload: unknown) => boolean, timeoutMs?: number): Promise<unknown>
}

/** Records the payloads of an event from now on, so that none is missed. */
export function collect(channel: Channel, event: string): Collected {
  const queue = new Queue<unknown>((payload) => JSON.stringify(payload))
  channel.on(event, (payload: unknown) => queue.push(payload))
  return { all: queue.all, next: (matches, timeoutMs) => queue.next(matches, timeoutMs) }
}

async function answer(push: Push, wanted: Reply['status'], what: string): Promise<unknown> {
  const { status, response } = await new Promise<Reply>((resolve) => {
    for (const each of STATUSES) {
      push.receive(each, (received: unknown) => resolve({ status: each, response: received }))
    }
  })
  if (status === wanted) return response
  throw new Error(`${what}: ${status} ${JSON.stringify(response)}, not ${wanted}`)
}

function describe(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error
    ? String(error.message)
    : String(error)
}
