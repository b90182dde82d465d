import { LongPoll, type SocketConnectOption } from 'phoenix'
import type { AgentServer } from './agent-server.ts'
import {
  hearChannel,
  type Incoming,
  incomingQueue,
  onChannel,
  onWire,
  type Wire,
} from './agent-wire.ts'
import { joinChannel, openSocket } from './phoenix-client.ts'
import { connectWire, replyTo, type WireClient } from './wire-client.ts'

/** Who a client says it is, and where. */
export interface Who {
  readonly businessId: string
  readonly sessionId: string
  readonly operatorId: string
  readonly permissions: readonly string[]
}

/** A JSON object that came from the server. */
export type Payload = Readonly<Record<string, unknown>>

/** The answer to a request that had a ref. */
export interface Reply {
  readonly status: string
  readonly response: Payload
}

export const WHO: Who = {
  businessId: 'business123',
  sessionId: 'session123',
  operatorId: 'operator456',
  permissions: ['agent_access', 'data_query', 'draft_creation'],
}

interface Nested {
  readonly sessionId: string
  readonly payload: Payload
}

/** A payload of the seed's nested form. */
export function nested({ sessionId, businessId }: Who, members: object): Nested {
  return { sessionId, payload: { sessionId, businessId, ...members } }
}

/** Whether it is one of the session's events: answers tell a number, too. */
export const isNumbered = ({ event, payload }: Incoming): boolean =>
  event !== 'phx_reply' &&
  event !== 'agent_authenticated' &&
  (payload as Payload)['seq'] !== undefined

/** An operator's client on one session, with a call for each of the seed's requests. */
export class AgentClient {
  readonly who: Who
  readonly #wire: Wire

  constructor(wire: Wire, who: Who) {
    this.#wire = wire
    this.who = who
  }

  /** Every message of the topic so far, oldest first. */
  get everything(): readonly Incoming[] {
    return this.#wire.log
  }

  /** The same without presence, which comes and goes with others. */
  get log(): readonly Incoming[] {
    return this.everything.filter(({ event }) => !String(event).startsWith('presence_'))
  }

  /** The payloads of the session's numbered events so far, as they came. */
  get numbered(): readonly Payload[] {
    return this.log.filter(isNumbered).map(({ payload }) => payload as Payload)
  }

  /** Their numbers. */
  get seqs(): readonly unknown[] {
    return this.numbered.map((payload) => payload['seq'])
  }

  /** Sends a request, returns its ref. */
  send(event: string, payload: unknown): string {
    return this.#wire.send(event, payload)
  }

  sendWithoutRef(event: string, payload: unknown): void {
    this.#wire.sendWithoutRef(event, payload)
  }

  /** The reply to a ref. */
  async reply(ref: string, timeoutMs?: number): Promise<Reply> {
    const matches = (message: Incoming) => message.event === 'phx_reply' && message.ref === ref
    return (await this.#wire.next(matches, timeoutMs)).payload as Reply
  }

  /** Sends a request and returns the reply. */
  request(event: string, payload: unknown): Promise<Reply> {
    return this.reply(this.send(event, payload))
  }

  /** The first payload of an event not handed out yet (that matches), now or to come. */
  async event(name: string, matches: (payload: Payload) => boolean = () => true): Promise<Payload> {
    const found = await this.#wire.next(
      ({ event, payload }) => event === name && matches(payload as Payload),
    )
    return found.payload as Payload
  }

  /** Resolves once the numbered event is here, and with it, in order, those before. */
  async received(seq: number, timeoutMs?: number): Promise<void> {
    if (this.seqs.includes(seq)) return
    const isIt = (message: Incoming) =>
      isNumbered(message) && (message.payload as Payload)['seq'] === seq
    await this.#wire.next(isIt, timeoutMs)
  }

  fence(): Promise<unknown> {
    return this.#wire.fence()
  }

  cut(): void {
    this.#wire.cut()
  }

  /** A payload of the seed's nested form. */
  nested(members: object): Nested {
    return nested(this.who, members)
  }

  authenticate(members: object = {}): Promise<Reply> {
    const { operatorId, permissions } = this.who
    return this.request('agent_authenticate', this.nested({ operatorId, permissions, ...members }))
  }

  /** `named`: with a `commandId`. */
  execute(command: string, parameters: object = {}, named: object = {}): Promise<Reply> {
    return this.request('agent_execute_command', this.nested({ command, parameters, ...named }))
  }

  cancel(commandId: string): Promise<Reply> {
    const { sessionId } = this.who
    return this.request('agent_cancel_command', { sessionId, payload: { commandId } })
  }

  modifyQuery(repositoryType: string, modifications: unknown): Promise<Reply> {
    return this.request('agent_modify_query', this.nested({ repositoryType, modifications }))
  }

  approve(changeId: unknown): Promise<Reply> {
    return this.request('agent_approve_changes', this.nested({ changeId }))
  }

  reject(changeId: unknown, reason = 'not now'): Promise<Reply> {
    return this.request('agent_reject_changes', this.nested({ changeId, reason }))
  }

  queryModify(repositoryType: string, modifications: unknown): Promise<Reply> {
    const { sessionId } = this.who
    return this.request('agent_query_modify', { sessionId, repositoryType, modifications })
  }

  revert(modificationId: unknown): Promise<Reply> {
    return this.request('agent_query_revert', { sessionId: this.who.sessionId, modificationId })
  }

  history(members: object = {}): Promise<Reply> {
    return this.request('agent_query_history', { sessionId: this.who.sessionId, ...members })
  }
}

/** The response of a reply that says ok. */
export function ok({ status, response }: Reply): Payload {
  if (status !== 'ok') throw new Error(`${status} ${JSON.stringify(response)}`)
  return response
}

/** The code of a reply that refuses. */
export function refusalOf({ status, response }: Reply): unknown {
  if (status !== 'error') throw new Error(`${status} ${JSON.stringify(response)}`)
  return response['code']
}

/** Ok, or the code of the refusal. */
export const outcome = ({ status, response }: Reply): unknown =>
  status === 'ok' ? 'ok' : response['code']

/** A member that is a text. */
export function text(payload: Payload, member: string): string {
  const value = payload[member]
  if (typeof value !== 'string') throw new Error(`no ${member} in ${JSON.stringify(payload)}`)
  return value
}

interface ClientOptions {
  /** Connect parameters. */
  readonly params?: Readonly<Record<string, string>>
  /** False: joined, and no more. */
  readonly authenticated?: boolean
}

export type ConnectAgent = (
  server: Pick<AgentServer, 'url'>,
  who?: Partial<Who>,
  options?: ClientOptions,
) => Promise<AgentClient>

const connecting =
  (
    join: (server: Pick<AgentServer, 'url'>, who: Who, options: ClientOptions) => Promise<Wire>,
  ): ConnectAgent =>
  async (server, who = {}, options = {}) => {
    const whole = { ...WHO, ...who }
    const client = new AgentClient(await join(server, whole, options), whole)
    if (options.authenticated !== false) ok(await client.authenticate())
    return client
  }

/** A client of raw V1 frames, joined and, unless told, authenticated. */
export const rawAgent = connecting(async ({ url }, who, { params = {} }) =>
  joinWire(await connectWire(url, { vsn: null, params }), who),
)

/** The client of a connection that is there already: joined, and no more. */
export const agentOn = async (wire: WireClient, who: Who): Promise<AgentClient> =>
  new AgentClient(await joinWire(wire, who), who)

async function joinWire(wire: WireClient, { sessionId, businessId }: Who): Promise<Wire> {
  const session = onWire(wire, `agent:${sessionId}`)
  session.send('phx_join', { businessId })
  const { payload } = await wire.next(replyTo('1'))
  ok(payload as Reply)
  return session
}

const official = (options: Partial<SocketConnectOption>) =>
  connecting(async ({ url }, { sessionId, businessId }, { params = {} }) => {
    const socket = await openSocket(`${url}/socket`, { params, ...options })
    const channel = socket.channel(`agent:${sessionId}`, { businessId })
    const queue = incomingQueue()
    hearChannel(channel, (message) => queue.push(message))
    await joinChannel(channel)
    return onChannel(socket, channel, queue)
  })

/** The official client, joined and, unless told, authenticated. */
export const phoenixAgent = official({})

/** Every way of being a client, to run one test through. */
export const CLIENTS = [
  { name: 'raw V1 frames', connect: rawAgent },
  { name: 'the official client', connect: phoenixAgent },
  { name: 'the official client, by long-polling', connect: official({ transport: LongPoll }) },
] as const
