import { type AgentClient, type Payload, WHO, type Who } from './agent-client.ts'
import { within } from './deadline.ts'

/** For a node to be found, with the machine busy. */
export const RETURN_MS = 15_000

/** A numbered event of the session, as this operator got it. */
interface Numbered {
  readonly epoch: unknown
  readonly seq: unknown
  readonly event: unknown
  readonly payload: Payload
}

interface Waiter {
  readonly isThere: () => boolean
  resolve(): void
}

/**
 * An operator as contract 9 wants it: it counts the session's events, and wherever its connection ends it
 * goes on from the last one that it has. It keeps every event that came, doubles and all. How it connects is
 * up to who extends it.
 */
export abstract class Operator {
  readonly who: Who
  /** As they came, on all connections. */
  readonly events: Numbered[] = []
  /** What each `agent_authenticate` answered. */
  readonly welcomes: Payload[] = []
  /** Codes with which servers, and faults, ended its connections. */
  readonly closes: number[] = []
  #last = 0
  readonly #presence: { readonly event: unknown; readonly payload: Payload }[] = []
  readonly #waiters = new Set<Waiter>()

  constructor(who: Partial<Who>) {
    this.who = { ...WHO, ...who }
  }

  /** The present connection, as soon as there is one. */
  abstract client(): Promise<AgentClient>

  get seqs(): readonly unknown[] {
    return this.events.map(({ seq }) => seq)
  }

  /** The epoch that it was told last. */
  get epoch(): unknown {
    return this.welcomes.at(-1)?.['epoch']
  }

  /** Resolves when the event of this modification has come. */
  async received(modificationId: string, timeoutMs = RETURN_MS): Promise<void> {
    const isThere = () =>
      this.events.some(({ payload }) => payload['modificationId'] === modificationId)
    const what = () =>
      `${modificationId} for ${this.who.operatorId}, who has ${this.seqs.slice(-5)} last`
    await within(this.#until(isThere), timeoutMs, what)
  }

  /** Resolves when the event of this number has come. */
  async receivedSeq(seq: number, timeoutMs = RETURN_MS): Promise<void> {
    const isThere = () => this.seqs.includes(seq)
    await within(this.#until(isThere), timeoutMs, `event ${seq} for ${this.who.operatorId}`)
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

  /** What to authenticate with, to get what it has not. */
  protected get since(): object {
    const { epoch } = this
    return epoch === undefined ? {} : { lastSeq: this.#last, epoch }
  }

  /** Takes what came on the session's topic, but for replies. */
  protected keep(event: unknown, payload: Payload): void {
    if (String(event).startsWith('presence_')) this.#presence.push({ event, payload })
    else if (event === 'agent_authenticated') this.#welcome(payload)
    else if (payload['seq'] !== undefined) this.#number(event, payload)
    for (const waiter of this.#waiters) {
      if (!waiter.isThere()) continue
      this.#waiters.delete(waiter)
      waiter.resolve()
    }
  }

  #until(isThere: () => boolean): Promise<void> {
    if (isThere()) return Promise.resolve()
    return new Promise((resolve) => this.#waiters.add({ isThere, resolve }))
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
