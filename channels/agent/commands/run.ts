import type { Agent } from '../agent.ts'
import { Refusal, refusal } from '../refusal.ts'
import { StoreUnavailable } from '../store/store.ts'
import type { Command } from './command.ts'
import { commandContext, type Runner } from './context.ts'

/** The result as plain JSON; undefined stands for an empty one. Throws for what has no JSON form. */
const plain = (result: unknown): unknown => JSON.parse(JSON.stringify(result ?? {}))

type Stop = (code: 'command_timeout' | 'command_cancelled') => void

/** The commands that run on this node, outside of any mailbox. */
export class RunningCommands {
  readonly #stops = new Set<Stop>()

  get size(): number {
    return this.#stops.size
  }

  /** Ends every running command with `command_cancelled`. */
  cancelAll(): void {
    for (const stop of this.#stops) stop('command_cancelled')
  }

  /**
   * Runs a command to its result, a refusal, its timeout or the node's shutdown, whichever comes first; what
   * comes later is forgotten. Never rejects.
   */
  async run(
    agent: Agent,
    runner: Runner,
    command: Command,
    parameters: unknown,
  ): Promise<{ readonly result: unknown } | Refusal> {
    const controller = new AbortController()
    let stop: Stop = () => undefined
    const stopped = new Promise<Refusal>((resolve) => {
      stop = (code) => {
        resolve(refusal(code))
        controller.abort(new Error(code))
      }
    })
    this.#stops.add(stop)
    const timer = setTimeout(stop, command.timeoutMs, 'command_timeout')
    try {
      const finished = execute(agent, runner, command, parameters, controller.signal)
      return await Promise.race([finished, stopped])
    } finally {
      clearTimeout(timer)
      this.#stops.delete(stop)
    }
  }
}

async function execute(
  agent: Agent,
  runner: Runner,
  command: Command,
  parameters: unknown,
  signal: AbortSignal,
): Promise<{ readonly result: unknown } | Refusal> {
  try {
    const context = commandContext(agent, runner, signal)
    const result = await command.run(context, parameters as never)
    return result instanceof Refusal ? result : { result: plain(result) }
  } catch (error) {
    if (!signal.aborted) agent.onError(error)
    return refusal(error instanceof StoreUnavailable ? 'unavailable' : 'command_failed')
  }
}
