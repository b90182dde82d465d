import type { Agent } from '../agent.ts'
import { NOTHING } from '../commit.ts'
import type { Progress } from '../progress.ts'
import { Refusal, refusal } from '../refusal.ts'
import type { Command, CommandContext } from './command.ts'
import type { NamedCommand } from './named.ts'
import type { Done } from './outcome.ts'
import type { Run } from './run.ts'
import { type Besides, type Runner, sessionOperations } from './session-operations.ts'

/** A command on its way. */
export interface Started {
  readonly command: Command
  readonly parameters: object
  readonly run: Run
  readonly runner: Runner
  readonly progress: Progress
  /** Where its client has named it. */
  readonly named: NamedCommand | undefined
}

/** What a running command can see and do. */
export function commandContext(agent: Agent, started: Started): CommandContext {
  const { run, runner, progress } = started
  return {
    ...runner.session,
    operatorId: runner.operatorId,
    permissions: runner.permissions,
    signal: run.signal,
    progress: (value) => progress.report(value),
    refuse: refusal,
    repository: (type) => agent.repositories.get(type)?.repository,
    session: sessionOperations(agent, runner, run.signal, draftEnds(agent, started)),
  }
}

/** The draft of an atomic command is its outcome: one commit keeps both. */
const draftEnds =
  (agent: Agent, { command, named, runner }: Started): Besides =>
  async (change) => {
    if (!(named && command.atomic)) return NOTHING
    const timestamp = new Date(agent.now()).toISOString()
    const done: Done = { result: change, timestamp, operatorId: runner.operatorId }
    const { part, outcome } = await named.ending(done, true)
    if (outcome === done) return part
    if (outcome instanceof Refusal) return outcome
    throw new Error('an atomic command makes one draft')
  }
