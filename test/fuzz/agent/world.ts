/** A real server with the agent channel, and its clients, seen without what is random or a time. */
import { expect } from 'chai'
import { createRedisStore } from '../../../channels/agent/store/redis.ts'
import type { Redis } from '../../../server/index.ts'
import { type AgentClient, isNumbered, type Reply, rawAgent } from '../../support/agent-client.ts'
import { type AgentServer, startAgentServer } from '../../support/agent-server.ts'
import { insteadOf } from '../../support/in-place-of.ts'
import type { Model } from './model.ts'
import { type Answer, type Json, SLOTS } from './state.ts'

const HOUR_MS = 3_600_000
/** For the events of a session to have come, by way of Redis. */
const EVENTS_MS = 10_000

/** The time of all servers, ahead of the machine's. */
export class Clock {
  offsetMs = 0
  readonly now = (): number => Date.now() + this.offsetMs

  advance(hours: number): void {
    this.offsetMs += hours * HOUR_MS
  }
}

export const startOnLmdb = (clock: Clock): Promise<AgentServer> =>
  startAgentServer({ now: clock.now, bare: true })

export const startOnRedis = (clock: Clock, redis: Redis): Promise<AgentServer> =>
  startAgentServer({
    now: clock.now,
    bare: true,
    store(lmdb) {
      const onError = () => {}
      const clockOffsetMs = () => clock.offsetMs
      return insteadOf(lmdb, createRedisStore({ redis, prefix: 'model', onError, clockOffsetMs }))
    },
  })

/** What never is the same twice, or differs by language. */
const LEFT_OUT = new Set(['timestamp', 'message', 'epoch', 'details', 'commandId'])
const TIMES = new Set(['createdAt', 'expiresAt', 'decidedAt'])

/** One server in one run: businesses of its own, and none of the clients of another run. */
export class World {
  readonly #server: AgentServer
  readonly #run: number
  readonly #clients = new Map<number, AgentClient>()
  readonly #epochs = new Map<string, string>()
  /** The server's ids, by the names that the model has for them, for each session. */
  readonly #ids = new Map<string, Map<string, string>>()

  constructor(server: AgentServer, run: number) {
    this.#server = server
    this.#run = run
  }

  async join(at: number): Promise<void> {
    const { sessionId, operatorId, business } = SLOTS[at] as (typeof SLOTS)[number]
    this.leave(at)
    const who = { sessionId, operatorId, businessId: `b${this.#run}-${business}` }
    this.#clients.set(at, await rawAgent(this.#server, who, { authenticated: false }))
  }

  leave(at: number): void {
    this.#clients.get(at)?.cut()
    this.#clients.delete(at)
  }

  end(): void {
    for (const at of [...this.#clients.keys()]) this.leave(at)
  }

  client(at: number): AgentClient {
    const client = this.#clients.get(at)
    if (!client) throw new Error(`nobody has joined in slot ${at}`)
    return client
  }

  epoch(at: number): string | undefined {
    return this.#epochs.get(sessionOf(at))
  }

  /** The server's own id; one that nobody has where it has not made so many. */
  id(at: number, name: string): string {
    return this.#idsOf(at).get(name) ?? `${name.slice(0, 3)}_0_nobody`
  }

  answer(at: number, { status, response }: Reply): Answer {
    const { epoch } = response
    if (typeof epoch === 'string') this.#epochs.set(sessionOf(at), epoch)
    return { status: status as Answer['status'], response: this.#plain(at, response) as Json }
  }

  sweep(): Promise<void> {
    return this.#server.sweep(0)
  }

  /** Each client has the events that the model says, in order, and no others. */
  async expectEvents(model: Model): Promise<void> {
    for (const at of this.#clients.keys()) {
      const { received } = model.slot(at)
      await this.received(at, received.length)
      const got = numbered(this.client(at)).map(({ event, payload }) => {
        return { event, payload: this.#plain(at, payload) }
      })
      const due = received.map(({ event, payload }) => ({ event, payload }))
      expect(got, `events in slot ${at}`).to.deep.equal(due)
    }
    expect(this.#server.errors).to.deep.equal([])
  }

  /** Resolves when the client has so many events of the session, and all that was sent by then. */
  async received(at: number, count: number): Promise<void> {
    const client = this.client(at)
    const deadline = performance.now() + EVENTS_MS
    do await client.fence()
    while (numbered(client).length < count && performance.now() < deadline)
  }

  #idsOf(at: number): Map<string, string> {
    const name = sessionOf(at)
    const ids = this.#ids.get(name) ?? new Map<string, string>()
    this.#ids.set(name, ids)
    return ids
  }

  /** An id is named when it is seen first, which is in the answer to who made it. */
  #name(at: number, id: string): string {
    const ids = this.#idsOf(at)
    for (const [name, known] of ids) if (known === id) return name
    const kind = id.slice(0, 3)
    const count = [...ids.keys()].filter((name) => name.startsWith(kind)).length
    ids.set(`${kind}${count}`, id)
    return `${kind}${count}`
  }

  #plain(at: number, value: unknown): unknown {
    if (typeof value === 'string')
      return /^(mod|chg)_\d+_/.test(value) ? this.#name(at, value) : value
    if (typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) return value.map((each) => this.#plain(at, each))
    const members = Object.entries(value).filter(([key]) => !LEFT_OUT.has(key) && !TIMES.has(key))
    return Object.fromEntries(members.map(([key, each]) => [key, this.#member(at, key, each)]))
  }

  #member(at: number, key: string, value: unknown): unknown {
    if (key === 'baseVersion' && value !== 0) return 'some'
    return this.#plain(at, value)
  }
}

/** The session's events, whatever numbers they have. */
const numbered = (client: AgentClient) => client.log.filter(isNumbered)

const sessionOf = (at: number): string => `${SLOTS[at]?.business}/${SLOTS[at]?.sessionId}`
