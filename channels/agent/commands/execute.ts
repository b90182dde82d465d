import type { Agent } from '../agent.ts'
import { Refusal, refusal } from '../refusal.ts'
import { StoreUnavailable } from '../store/store.ts'
import { commandContext, type Started } from './context.ts'
import type { Outcome } from './outcome.ts'

/** The result as plain JSON; undefined stands for an empty one. Throws for what has no JSON form. */
const plain = (result: unknown): unknown => JSON.parse(JSON.stringify(result ?? {}))

/**
 * Runs a command to its result, a refusal, its timeout, its cancellation or the node's shutdown, whichever comes
 * first; what comes later is forgotten. Never rejects.
 */
export async function execute(agent: Agent, started: Started): Promise<Outcome> {
  const { run, command, progress } = started
  if (run.signal.aborted) return await run.stopped
  let timer: NodeJS.Timeout | undefined
  const passed = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      run.stop('command_timeout')
      resolve()
    }, command.timeoutMs)
  })
  const work = finish(agent, started).finally(() => clearTimeout(timer))
  run.occupied = Promise.race([work, passed])
  try {
    return await Promise.race([work, run.stopped])
  } finally {
    // What goes on all the same does not keep the process.
    timer?.unref()
    progress.end()
  }
}

async function finish(agent: Agent, started: Started): Promise<Outcome> {
  const { command, parameters, run, runner } = started
  try {
    const result = await command.run(commandContext(agent, started), parameters as never)
    if (result instanceof Refusal) return result
    const timestamp = new Date(agent.now()).toISOString()
    return { result: plain(result), timestamp, operatorId: runner.operatorId }
  } catch (error) {
    if (!run.signal.aborted) agent.onError(error)
    return refusal(error instanceof StoreUnavailable ? 'unavailable' : 'command_failed')
  }
}
