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
  const timer = setTimeout(() => run.stop('command_timeout'), command.timeoutMs)
  try {
    return await Promise.race([finish(agent, started), run.stopped])
  } finally {
    clearTimeout(timer)
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
