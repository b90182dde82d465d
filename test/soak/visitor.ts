/** An operator that comes, works, vanishes and comes back, at any node, and checks that it misses nothing. */
import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type AgentClient,
  ok,
  outcome,
  type Payload,
  phoenixAgent,
  type Reply,
  rawAgent,
} from '../support/agent-client.ts'

const MAX_OPERATIONS = 15
const MAX_THINKING_MS = 30
const MAX_AWAY_MS = 300
const RECORDS = 50
const BUSINESSES = 3
const COLLEAGUES = 4
/** After so long a group of colleagues begins another session. */
const SESSION_MS = 10_000
/** What a colleague was faster with, or a store that many write to at once. */
const REFUSALS = new Set([
  'already_reverted',
  'already_decided',
  'change_conflict',
  'unknown_modification',
  'unknown_change',
  'unknown_record',
  'unavailable',
])

/** What all visitors did, in numbers. */
export interface Totals {
  visits: number
  operations: number
  refusals: number
  events: number
  replays: number
}

export const noTotals = (): Totals => ({
  visits: 0,
  operations: 0,
  refusals: 0,
  events: 0,
  replays: 0,
})

/** What it knows of its session from earlier visits. */
interface Memory {
  readonly sessionId: string
  lastSeq: number
  epoch: string | undefined
  modificationId: unknown
  changeId: unknown
}

const roll = (sides: number): number => randomInt(sides)

export class Visitor {
  readonly #number: number
  readonly #urls: readonly string[]
  readonly #totals: Totals
  readonly #began = performance.now()
  #memory: Memory = rememberNothing('')

  constructor(number: number, urls: readonly string[], totals: Totals) {
    this.#number = number
    this.#urls = urls
    this.#totals = totals
  }

  /** Visits until it is told to stop. Rejects with what the server did wrong. */
  async live(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      await this.#visit(stop)
      await sleep(roll(MAX_AWAY_MS))
    }
  }

  async #visit(stop: AbortSignal): Promise<void> {
    const sessionId = this.#sessionId()
    if (this.#memory.sessionId !== sessionId) this.#memory = rememberNothing(sessionId)
    const url = this.#urls[roll(this.#urls.length)] ?? ''
    const connect = this.#number % 5 === 0 ? phoenixAgent : rawAgent
    const businessId = `business-${this.#number % BUSINESSES}`
    const who = { businessId, sessionId, operatorId: `operator-${this.#number}` }
    const client = await connect({ url }, who, { authenticated: false })
    try {
      await this.#enter(client)
      this.#totals.visits += 1
      for (let left = 1 + roll(MAX_OPERATIONS); left > 0 && !stop.aborted; left -= 1) {
        await this.#operate(client)
        await sleep(roll(MAX_THINKING_MS))
      }
      this.#note(client)
      if (connect === rawAgent && roll(4) === 0) await client.request('phx_leave', {})
    } finally {
      client.cut()
    }
  }

  #sessionId(): string {
    const generation = Math.floor((performance.now() - this.#began) / SESSION_MS)
    return `group-${Math.floor(this.#number / COLLEAGUES)}-${generation}`
  }

  async #enter(client: AgentClient): Promise<void> {
    const { epoch, lastSeq } = this.#memory
    const since = epoch === undefined ? {} : { epoch, lastSeq }
    const welcome = ok(await client.authenticate(since))
    if (epoch === undefined) this.#memory.lastSeq = Number(welcome['seq'])
    else {
      this.#totals.replays += 1
      if (welcome['recovered'] !== true) throw new Error('a session that was not recovered')
    }
    this.#memory.epoch = String(welcome['epoch'])
  }

  /** The events of the visit: from the one that it had last, each once. */
  #note(client: AgentClient): void {
    for (const seq of client.seqs) {
      if (seq !== this.#memory.lastSeq + 1) {
        throw new Error(`event ${seq} after event ${this.#memory.lastSeq}`)
      }
      this.#memory.lastSeq = seq
      this.#totals.events += 1
    }
  }

  async #operate(client: AgentClient): Promise<void> {
    const reply = await this.#ask(client)
    const code = outcome(reply)
    this.#totals.operations += 1
    if (code === 'ok') this.#remember(reply.response)
    else if (REFUSALS.has(String(code))) this.#totals.refusals += 1
    else throw new Error(`an operation was refused with ${code}`)
  }

  #remember(response: Payload): void {
    const { modificationId, result } = response
    if (modificationId !== undefined) this.#memory.modificationId = modificationId
    const { changeId } = (result ?? {}) as { readonly changeId?: unknown }
    if (changeId !== undefined) this.#memory.changeId = changeId
  }

  #ask(client: AgentClient): Promise<Reply> {
    const { modificationId = 'mod_0_none', changeId = 'chg_0_none' } = this.#memory
    const operations = [
      () => client.modifyQuery('customers', { limit: 1 + roll(100) }),
      () => client.queryModify('customers', [{ field: 'fields', operation: 'add', value: 'name' }]),
      () => client.history({ limit: 10 }),
      () => client.revert(modificationId),
      () => client.execute('create_draft', this.#draft()),
      () => client.approve(changeId),
      () => client.reject(changeId),
      () => client.execute('list_changes', { limit: 20 }),
      () => client.execute('run_query', { repositoryType: 'customers' }),
      () => client.execute('list_commands'),
    ]
    return (operations[roll(operations.length)] ?? operations[0])?.() as Promise<Reply>
  }

  #draft(): object {
    const recordId = `record-${roll(RECORDS)}`
    const operation = roll(2) === 0 ? 'create' : 'update'
    return { repositoryType: 'customers', operation, recordId, data: { name: `n${roll(9)}` } }
  }
}

const rememberNothing = (sessionId: string): Memory => ({
  sessionId,
  lastSeq: 0,
  epoch: undefined,
  modificationId: undefined,
  changeId: undefined,
})
