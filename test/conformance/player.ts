import { setTimeout as delay } from 'node:timers/promises'
import { within } from '../support/deadline.ts'
import { isPacked } from './packed.ts'
import { RecordedConnection } from './recorded-connection.ts'
import { RecordedRequest } from './recorded-request.ts'
import { Recording } from './recording.ts'
import type {
  ConnectionPlan,
  ConnectionStep,
  HttpStep,
  Observed,
  Scenario,
  Step,
  TimeStep,
} from './scenario.ts'

/** After a step, how long without a sign of the server counts as its silence; as it was recorded. */
const SETTLE_MS = 60
/** The same before the first step. */
const FIRST_SETTLE_MS = 20
const CLOSE_MS = 5000
/** How long a server may take for what is due, with the machine busy. */
const DUE_MS = 5000

/**
 * Plays a scenario against the server at `baseUrl` (`http:`) and returns what was observed.
 * Throws on a scenario that makes no sense; whatever the server does is an observation. `due` is what may be
 * observed: a silence does not count before one of them has come as far as the step.
 */
export async function play(
  scenario: Scenario,
  baseUrl: string,
  due: readonly Observed[] = [],
): Promise<Observed> {
  const player = new Player(scenario, new URL(baseUrl), due)
  try {
    return await player.play()
  } finally {
    await player.end()
  }
}

class Player {
  readonly #scenario: Scenario
  readonly #base: URL
  readonly #recording = new Recording()
  readonly #connections = new Map<string, RecordedConnection>()
  readonly #requests: RecordedRequest[] = []
  readonly #pending = new Map<string, RecordedRequest>()
  /** Empty once the server has not kept to any of them. */
  #due: readonly Observed[]

  constructor(scenario: Scenario, base: URL, due: readonly Observed[]) {
    this.#scenario = scenario
    this.#base = base
    this.#due = due
  }

  async play(): Promise<Observed> {
    await this.#openFirst()
    for (const [index, step] of this.#scenario.steps.entries()) {
      this.#recording.step = index
      await this.#step(step)
      if (!step.nosettle) await this.#settle(step.settle ?? SETTLE_MS)
    }
    await Promise.all([...this.#pending.values()].map((request) => request.done))
    return this.#observed()
  }

  /** Cuts what is still open, without recording the consequences. */
  async end(): Promise<void> {
    for (const request of this.#pending.values()) request.abort()
    const closed = [...this.#connections.values()].map((connection) => {
      connection.terminate()
      return connection.closed
    })
    await within(Promise.all(closed), CLOSE_MS, 'the end of the connections')
  }

  /** Opens, in their order, all connections but those that a step opens. */
  async #openFirst(): Promise<void> {
    const later = new Set(this.#scenario.steps.map((step) => ('open' in step ? step.open : null)))
    for (const name of Object.keys(this.#plans())) {
      if (!later.has(name)) await this.#open(name)
    }
    await this.#settle(FIRST_SETTLE_MS)
  }

  async #settle(ms: number): Promise<void> {
    const deadline = performance.now() + DUE_MS
    do await this.#recording.quiet(ms)
    while (!this.#isAllHere() && performance.now() < deadline)
    if (!this.#isAllHere()) this.#due = []
  }

  #isAllHere(): boolean {
    const { step } = this.#recording
    const isHere = ({ connections }: Observed) =>
      Object.entries(connections).every(([name, wanted]) => {
        const record = this.#connections.get(name)?.record
        const count = wanted.frames.filter(({ afterStep }) => afterStep <= step).length
        const isToClose = wanted.close !== null && wanted.close.afterStep <= step
        return (record?.frames.length ?? 0) >= count && (!isToClose || record?.close !== null)
      })
    return this.#due.length === 0 || this.#due.some(isHere)
  }

  async #step(step: Step): Promise<void> {
    if ('open' in step) await this.#open(step.open)
    else if ('waitMs' in step || 'expectQuiet' in step || 'waitClose' in step)
      await this.#wait(step)
    else if ('http' in step || 'await' in step || 'abort' in step) await this.#request(step)
    else this.#act(step.on ?? 'a', step)
  }

  async #wait(step: TimeStep): Promise<void> {
    if ('waitMs' in step) await delay(step.waitMs)
    else if ('expectQuiet' in step) await delay(step.expectQuiet)
    else {
      const { closed } = this.#connection(step.waitClose)
      // That it did not close is an observation like any other.
      await Promise.race([closed, delay(step.timeoutMs ?? CLOSE_MS, undefined, { ref: false })])
    }
  }

  async #request(step: HttpStep): Promise<void> {
    if ('await' in step) await this.#pendingRequest(step.await).done
    else if ('abort' in step) this.#pendingRequest(step.abort).abort()
    else {
      const request = new RecordedRequest(this.#base, step.http, step.as, this.#recording)
      this.#requests.push(request)
      if (step.async) this.#pending.set(step.as, request)
      else await request.done
    }
  }

  #act(name: string, step: ConnectionStep): void {
    const connection = this.#connection(name)
    if ('terminate' in step) connection.terminate()
    else if (connection.isOpen) actOn(connection, step)
    else if ('send' in step) {
      const { record } = connection
      record.notSent = [...(record.notSent ?? []), this.#recording.step]
    }
  }

  async #open(name: string): Promise<void> {
    const plan = this.#plans()[name]
    if (!plan) throw new Error(`no connection ${name} in ${this.#scenario.name}`)
    const vsn = plan.vsn === undefined ? this.#scenario.vsn : plan.vsn
    const url = socketUrl(this.#base, this.#scenario, plan, vsn)
    const connection = new RecordedConnection(url, plan, this.#recording, isPacked(vsn))
    this.#connections.set(name, connection)
    await connection.opened
  }

  #plans(): Readonly<Record<string, ConnectionPlan>> {
    return this.#scenario.connections ?? { a: {} }
  }

  #connection(name: string): RecordedConnection {
    const connection = this.#connections.get(name)
    if (!connection) throw new Error(`${this.#scenario.name}: ${name} was not opened`)
    return connection
  }

  #pendingRequest(name: string): RecordedRequest {
    const request = this.#pending.get(name)
    if (!request) throw new Error(`${this.#scenario.name}: no pending request ${name}`)
    return request
  }

  /** A copy: the records go on while the connections are taken down. */
  #observed(): Observed {
    const connections = [...this.#connections].map(([name, { record }]) => [name, record] as const)
    const http = this.#requests.map(({ record }) => record)
    return structuredClone({
      connections: Object.fromEntries(connections),
      ...(http.length > 0 && { http }),
    })
  }
}

function actOn(connection: RecordedConnection, step: ConnectionStep): void {
  if ('send' in step) connection.send(step.send)
  else if ('raw' in step) connection.sendRaw(step.raw)
  else if ('rawFill' in step) connection.sendFilled(step.rawFill.first, step.rawFill.size)
  else if ('ping' in step) connection.ping(step.ping)
  else if ('pong' in step) connection.pong(step.pong)
  else if ('close' in step) connection.close(step.close.code, step.close.reason)
  else throw new Error(`unknown step ${JSON.stringify(step)}`)
}

function socketUrl(
  base: URL,
  scenario: Scenario,
  plan: ConnectionPlan,
  vsn: string | null,
): string {
  const params = new URLSearchParams({ ...scenario.connectParams, ...plan.params })
  if (vsn !== null) params.append('vsn', vsn)
  const query = plan.query ?? params.toString()
  return `ws://${base.host}${plan.path ?? '/socket/websocket'}${query && `?${query}`}`
}
