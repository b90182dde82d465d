import { AgentClient, ok, type Payload, type Who } from './agent-client.ts'
import { onWire } from './agent-wire.ts'
import { Operator, RETURN_MS } from './operator.ts'
import { connectWire, type WireClient, type WireFrame } from './wire-client.ts'

/** Nobody waits so long: a connection's end ends the wait. */
const FOREVER_MS = 2 ** 31 - 1
/** Between two tries to find a node that takes it. */
const RETRY_MS = 25

/** A connection to one node, joined and authenticated. */
interface Stay {
  readonly wire: WireClient
  readonly client: AgentClient
  isOver: boolean
}

/** An operator that goes on at any node there is, by frames of its own. */
export class RoamingOperator extends Operator {
  /** Why it could not return. */
  failure: unknown
  readonly #urls: () => readonly string[]
  #stay: Stay | undefined
  #coming: Promise<void> | undefined
  #hasLeft = false
  #url = ''
  #tries = 0

  /** `urls` are the nodes that there are; nobody is connected before `moveTo`. */
  constructor(urls: () => readonly string[], who: Partial<Who> = {}) {
    super(who)
    this.#urls = urls
  }

  /** The node that it is at, or was at last. */
  get url(): string {
    return this.#url
  }

  override async client(): Promise<AgentClient> {
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

  leave(): void {
    this.#hasLeft = true
    this.#stay?.wire.terminate()
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
    const client = new AgentClient(onWire(wire, topicOf(this.who), '1'), this.who)
    const stay: Stay = { wire, client, isOver: false }
    void this.#record(stay)
    try {
      ok(await client.reply(client.send('phx_join', { businessId: this.who.businessId })))
      ok(await client.authenticate(this.since))
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
      for (;;) {
        const { event, payload } = await wire.next(isKept, FOREVER_MS)
        if (isEnd(event)) wire.terminate()
        else this.keep(event, payload as Payload)
      }
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
}

const topicOf = ({ sessionId }: Who) => `agent:${sessionId}`
const isEnd = (event: unknown) => event === 'phx_error' || event === 'phx_close'
