/**
 * The script of the tests' page: it runs in the browser. The tests call what it exports; it tells them what
 * happens.
 */
import { type Channel, LongPoll, Presence, type Push, Socket } from 'phoenix'
import { AgentSession, type QueryMembers, type SessionOptions } from '../../client/agent/index.ts'
import { msgpack } from '../../client/msgpack.ts'

/** Of the test that opened the page. */
declare function tell(what: string, payload: unknown): Promise<void>

export interface Options {
  readonly params?: Readonly<Record<string, string>>
  readonly longPollFallbackMs?: number
  /** Long-polling from the start. */
  readonly longPolls?: boolean
  /** MessagePack instead of JSON. */
  readonly packs?: boolean
}

/** The answer to a join or a push. A response of bytes is `{ bytes: [...] }`. */
export interface Answer {
  readonly status: string
  readonly response: unknown
}

let socket: Socket
let session: AgentSession
const channels = new Map<string, Channel>()

/** Connects to a server's mount (`http://…/socket`), and tells `open`, `close` and `error` of the socket. */
export function connect(url: string, options: Options): void {
  const { longPolls = false, packs = false, ...rest } = options
  const transport = longPolls ? { transport: LongPoll } : {}
  socket = new Socket(url.replace(/^http/, 'ws'), { ...rest, ...transport, ...(packs && msgpack) })
  socket.onOpen(() => void tell('open', null))
  socket.onClose((event) => void tell('close', (event as { readonly code: number }).code))
  socket.onError(() => void tell('error', null))
  socket.connect()
}

/** Joins, and tells every payload of `events` and, as `present`, who is there. */
export function join(topic: string, params: object, events: readonly string[]): Promise<Answer> {
  const channel = socket.channel(topic, params)
  channels.set(topic, channel)
  for (const event of events) channel.on(event, (payload) => void tell(event, plain(payload)))
  const presence = new Presence(channel)
  presence.onSync(() => void tell('present', presence.list((name) => name).sort()))
  return answerTo(channel.join())
}

export function push(topic: string, event: string, payload: object): Promise<Answer> {
  return answerTo(joined(topic).push(event, payload))
}

export function pushBytes(topic: string, event: string, bytes: readonly number[]): Promise<Answer> {
  return answerTo(joined(topic).push(event, Uint8Array.from(bytes).buffer))
}

export function leave(topic: string): Promise<Answer> {
  return answerTo(joined(topic).leave())
}

/** Opens an agent session, and tells its `status`, `not_recovered` and `agent_query_modified`. */
export async function openSession(options: SessionOptions): Promise<void> {
  session = await AgentSession.open(socket, options)
  for (const event of ['status', 'not_recovered', 'agent_query_modified'] as const) {
    session.on(event, (payload) => void tell(event, payload))
  }
}

export async function modifyQuery(repository: string, members: QueryMembers): Promise<void> {
  await session.modifyQuery(repository, members)
}

function joined(topic: string): Channel {
  const channel = channels.get(topic)
  if (!channel) throw new Error(`not joined: ${topic}`)
  return channel
}

const plain = (payload: unknown): unknown =>
  payload instanceof ArrayBuffer ? { bytes: [...new Uint8Array(payload)] } : payload

function answerTo(asked: Push): Promise<Answer> {
  return new Promise((resolve) => {
    for (const status of ['ok', 'error', 'timeout'] as const) {
      asked.receive(status, (response) => resolve({ status, response: plain(response) }))
    }
  })
}
