import { AgentClient, ok, type Payload, WHO, type Who } from './agent-client.ts'
import { within } from './deadline.ts'
import { connectWire, type WireClient, type WireFrame } from './wire-client.ts'

/** Nobody waits so long: a connection's end ends the wait. */
const FOREVER_MS = 2 ** 31 - 1
const RETURN_MS = 15_000
/** Between two tries to find a node that takes it. */
const RETRY_MS = 25

/** A numbered event of the session, as this operator got it. */
interface Numbered {
  readonly epoch: unknown
  readonly seq: unknown
  readonly event: unknown
  readonly payload: Payload
}

/** A connection to one node, joined and authenticated. */
interface Stay {
  readonly wire: WireClient
  readonly client: AgentClient
  isOver: boolean
}

interface Waiter {
  readonly isThere: () => boolean
  resolve(): void
}

/**
 * An operator as contract 9 wants it: it counts the session's events, and wherever its connection ends it
 * goes on, at any node there is, from the last one that it has. It keeps every event that came, doubles and
 * all.
 */
export class RoamingOperator {
  readonly who: Who
  /** As they came, on all connections. */
  readonly events: Numbered[] = []
  /** What each `agent_authenticate` answered. */
  readonly welcomes: Payload[] = []
  /** Codes with which servers, and faults, ended its connections. */
  readonly closes: number[] = []
  /** Why it could not return. */
  failure: unknown
  readonly #urls: () => readonly string[]
  #stay: Stay | undefined
  #coming: Promise<void> | undefined
  #hasLeft = false
  #url = ''
  #last = 0
  #tries = 0
  readonly #presence: { readonly event: unknown; readonly payload: Payload }[] = []
  readonly #waiters = new Set<Waiter>()

  /** `urls` are the nodes that there are; nobody is connected before `moveTo`. */
  constructor(urls: () => readonly string[], who: Partial<Who> = {}) {
    this.#urls = urls
    this.who = { ...WHO, ...who }
  }

  get seqs(): readonly unknown[] {
    return this.events.map(({ seq }) => seq)
  }

  /** The node that it is at, or was at last. */
  get url(): string {
    return this.#url
  }

  /** The epoch that it was told last. */
  get epoch(): unknown {
    return this.welcomes.at(-1)?.['epoch']
  }

  /** The present connection, as soon as there is one. */
  async client(): Promise<AgentClient> {
    while (this.#coming !== undefined) await this.#coming
    if (!this.#stay) throw new Error(`${this.who.operatorId} is nowhere: ${String(this.failure)}`)
    return this.#stay.client
  }

  /** Cuts its connection, and goes to a node; to another one where that does not answer. */
  async moveTo(url: string): Promise<void> {
    while (this.#coming !== undefined) await this.#coming
    const stay = this.#stay
    this.#stay = undefined
    this.#come(async () => {
      stay?.wire.terminate()
      await stay?.wire.closed
      await this.#connect(url)
    })
    await this.client()
  }

  /** Resolves when the event of this modification has come. */
  async received(modificationId: string, timeoutMs = RETURN_MS): Promise<void> {
    const isThere = () =>
      this.events.some(({ payload }) => payload['modificationId'] === modificationId)
    const what = () =>
      `${modificationId} for ${this.who.operatorId}, who has ${this.seqs.slice(-5)} last`
    await within(this.#until(isThere), timeoutMs, what)
  }

  /** Resolves when it has authenticated so often. */
  async welcomed(count: number, timeoutMs = RETURN_MS): Promise<void> {
    const isThere = () => this.welcomes.length >= count
    await within(this.#until(isThere), timeoutMs, `welcome ${count} of ${this.who.operatorId}`)
  }

  /** Resolves when presence has shown it an operator, on whichever connection. */
  async sees(operatorId: string, timeoutMs = RETURN_MS): Promise<void> {
    const isThere = () => this.joins.includes(operatorId)
    await within(this.#until(isThere), timeoutMs, `presence of ${operatorId}`)
  }

  /** Resolves when presence has said that an operator went. */
  async seesLeave(operatorId: string, timeoutMs = RETURN_MS): Promise<void> {
    const isGone = () => this.leaves.includes(operatorId)
    await within(this.#until(isGone), timeoutMs, `the leave of ${operatorId}`)
  }

  /** Who presence said is there, or came. */
  get joins(): readonly string[] {
    return this.#presence.flatMap(({ event, payload }) =>
      Object.keys(event === 'presence_diff' ? (payload['joins'] as object) : payload),
    )
  }

  /** Who presence said went. */
  get leaves(): readonly string[] {
    return this.#presence.flatMap(({ payload }) => Object.keys(payload['leaves'] ?? {}))
  }

  leave(): void {
    this.#hasLeft = true
    this.#stay?.wire.terminate()
  }

  #until(isThere: () => boolean): Promise<void> {
    if (isThere()) return Promise.resolve()
    return new Promise((resolve) => this.#waiters.add({ isThere, resolve }))
  }

  #tell(): void {
    for (const waiter of this.#waiters) {
      if (!waiter.isThere()) continue
      this.#waiters.delete(waiter)
      waiter.resolve()
    }
  }

  #come(task: () => Promise<void>): void {
    const coming: Promise<void> = task()
      .catch((error: unknown) => {
        this.failure = error
      })
      .finally(() => {
        if (this.#coming === coming) this.#coming = undefined
      })
    this.#coming = coming
  }

  async #connect(first: string): Promise<void> {
    const deadline = performance.now() + RETURN_MS
    for (let url = first; !this.#hasLeft; url = this.#nextUrl()) {
      try {
        const stay = await this.#enter(url)
        if (stay.isOver) continue
        this.#stay = stay
        this.#url = url
        return
      } catch (error) {
        if (performance.now() > deadline) throw error
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      }
    }
  }

  #nextUrl(): string {
    const urls = this.#urls()
    this.#tries += 1
    return urls[this.#tries % urls.length] ?? 'http://127.0.0.1:1'
  }

  async #enter(url: string): Promise<Stay> {
    const wire = await connectWire(url)
    const client = clientOn(wire, this.who)
    const stay: Stay = { wire, client, isOver: false }
    void this.#record(stay)
    try {
      ok(await client.reply(client.send('phx_join', { businessId: this.who.businessId })))
      const { epoch } = this
      const since = epoch === undefined ? {} : { lastSeq: this.#last, epoch }
      ok(await client.authenticate(since))
      return stay
    } catch (error) {
      wire.terminate()
      await wire.closed
      throw error
    }
  }

  /** Keeps what comes for as long as the connection lasts, then returns, unless it went away by itself. */
  async #record(stay: Stay): Promise<void> {
    const { wire } = stay
    const isKept = ({ topic, event }: WireFrame) =>
      topic === topicOf(this.who) && event !== 'phx_reply'
    try {
      for (;;) this.#keep(await wire.next(isKept, FOREVER_MS), wire)
    } catch {
      // The connection has ended, and all that came is recorded.
    }
    const { code } = await wire.closed
    stay.isOver = true
    this.closes.push(code)
    if (this.#hasLeft || this.#stay !== stay) return
    this.#stay = undefined
    this.#come(() => this.#connect(this.#nextUrl()))
  }

  #keep(frame: WireFrame, wire: WireClient): void {
    const { event } = frame
    const payload = frame.payload as Payload
    if (isEnd(event)) wire.terminate()
    else if (String(event).startsWith('presence_')) this.#presence.push({ event, payload })
    else if (event === 'agent_authenticated') this.#welcome(payload)
    else if (payload['seq'] !== undefined) this.#number(event, payload)
    this.#tell()
  }

  #welcome(payload: Payload): void {
    const isFirst = this.welcomes.length === 0
    this.welcomes.push(payload)
    if (isFirst) this.#last = Number(payload['seq'])
    else if (payload['recovered'] !== true) this.#last = 0
  }

  #number(event: unknown, payload: Payload): void {
    const { seq } = payload
    this.events.push({ epoch: this.epoch, seq, event, payload })
    this.#last = Number(seq)
  }
}

const topicOf = ({ sessionId }: Who) => `agent:${sessionId}`
const isEnd = (event: unknown) => event === 'phx_error' || event === 'phx_close'

function clientOn(wire: WireClient, who: Who): AgentClient {
  const topic = topicOf(who)
  let refs = 0
  const push = (event: string, payload: unknown, ref: string | null) =>
    wire.push({ topic, event, payload, ref, joinRef: '1' })
  const ofTopic = {
    get log() {
      return wire.frames.filter((frame) => frame.topic === topic)
    },
    send(event: string, payload: unknown) {
      refs += 1
      push(event, payload, String(refs))
      return String(refs)
    },
    sendWithoutRef: (event: string, payload: unknown) => push(event, payload, null),
    next: (matches: (frame: WireFrame) => boolean, timeoutMs?: number) =>
      wire.next((frame) => frame.topic === topic && matches(frame), timeoutMs),
    fence: () => wire.fence(),
    cut: () => wire.terminate(),
  }
  return new AgentClient(ofTopic, who)
}
