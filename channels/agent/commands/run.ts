/** The commands that run on this node, outside of any mailbox: how many, and what ends them. */
import type { Actor } from '../agent.ts'
import { randomId } from '../ids.ts'
import { type Refusal, refusal } from '../refusal.ts'
import { sessionName } from '../store/keys.ts'
import type { Cancellation, Nodes } from './nodes.ts'
import type { Outcome } from './outcome.ts'

/** Commands of one operator, on all its sockets and sessions of this node, that may run at once. */
const MAX_RUNNING = 100

type Why = 'command_timeout' | 'command_cancelled'

/** One request for a command, from when it is let in until it is answered. */
export class Run {
  /** No other request's: what nobody has named is known by it. */
  readonly id = randomId('cmd')
  readonly actor: Actor
  /** Resolves when it is to stop, with why. */
  readonly stopped: Promise<Refusal>
  /** Resolves when it is answered, and what is to be kept of it is kept. */
  readonly ended: Promise<Outcome>
  /** Resolves when its command does nothing more, or has had its time: one that is cancelled may go on. */
  occupied: Promise<unknown> = Promise.resolve()
  readonly #controller = new AbortController()
  #stopped: (why: Refusal) => void = () => undefined
  #ended: (outcome: Outcome) => void = () => undefined

  constructor(actor: Actor) {
    this.actor = actor
    this.stopped = new Promise((resolve) => {
      this.#stopped = resolve
    })
    this.ended = new Promise((resolve) => {
      this.#ended = resolve
    })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Again is the same as once. */
  stop(why: Why): void {
    this.#stopped(refusal(why))
    this.#controller.abort(new Error(why))
  }

  end(outcome: Outcome): void {
    this.#ended(outcome)
  }
}

/** A command that can be cancelled. */
export interface Cancellable {
  readonly run: Run
  readonly command: string
}

const operatorName = ({ session, operatorId }: Actor) =>
  JSON.stringify([session.businessId, operatorId])

const commandName = ({ session }: Actor, commandId: string) =>
  `${sessionName(session)}/${commandId}`

export class RunningCommands {
  readonly nodes: Nodes
  readonly #runs = new Map<string, Run>()
  readonly #cancellable = new Map<string, Cancellable>()
  readonly #counts = new Map<string, number>()
  readonly #scouts = new Map<string, Run>()

  constructor(nodes: Nodes) {
    this.nodes = nodes
    nodes.onCancel((cancellation) => this.cancel(cancellation))
  }

  get size(): number {
    return this.#runs.size
  }

  /** By the id of a run of this node. */
  get(id: string): Run | undefined {
    return this.#runs.get(id)
  }

  /** Undefined: the operator's commands are as many as may be. What is started has to be ended. */
  start(actor: Actor): Run | undefined {
    const operator = operatorName(actor)
    const count = this.#counts.get(operator) ?? 0
    if (count >= MAX_RUNNING) return undefined
    const run = new Run(actor)
    this.#counts.set(operator, count + 1)
    this.#runs.set(run.id, run)
    return run
  }

  /** Its command is answered. It counts for its operator as long as it goes on. */
  end(run: Run, outcome: Outcome): void {
    if (!this.#runs.delete(run.id)) return
    void run.occupied.then(() => this.#free(run))
    run.end(outcome)
  }

  #free({ actor }: Run): void {
    const operator = operatorName(actor)
    const count = this.#counts.get(operator) ?? 0
    if (count > 1) this.#counts.set(operator, count - 1)
    else this.#counts.delete(operator)
  }

  /** Until `work` is settled, it can be cancelled under this id. */
  async cancellable<T>(
    run: Run,
    commandId: string,
    command: string,
    work: () => Promise<T>,
  ): Promise<T> {
    const name = commandName(run.actor, commandId)
    const entry: Cancellable = { run, command }
    this.#cancellable.set(name, entry)
    try {
      return await work()
    } finally {
      if (this.#cancellable.get(name) === entry) this.#cancellable.delete(name)
    }
  }

  /** Who looks whether a named command has ended on its node: `run`, where no other of this node does. */
  scout(run: Run, commandId: string): Run {
    const name = commandName(run.actor, commandId)
    const known = this.#scouts.get(name)
    if (known) return known
    this.#scouts.set(name, run)
    void run.ended.then(() => this.#scouts.delete(name))
    return run
  }

  /** Ends the operator's own command with `command_cancelled`. Undefined: none such runs here. */
  cancel({ commandId, ...actor }: Cancellation): Cancellable | undefined {
    const found = this.#cancellable.get(commandName(actor, commandId))
    if (found?.run.actor.operatorId !== actor.operatorId) return undefined
    found.run.stop('command_cancelled')
    return found
  }

  /** Ends every running command with `command_cancelled`. */
  cancelAll(): void {
    for (const run of this.#runs.values()) run.stop('command_cancelled')
  }

  /** Resolves when all that runs now is answered. */
  async idle(): Promise<void> {
    await Promise.all([...this.#runs.values()].map(({ ended }) => ended))
  }
}
