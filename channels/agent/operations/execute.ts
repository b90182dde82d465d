import type { Return } from '../client.ts'
import type { Command } from '../commands/command.ts'
import { execute as executeCommand } from '../commands/execute.ts'
import { NamedCommand, type Standing } from '../commands/named.ts'
import type { Done, Outcome } from '../commands/outcome.ts'
import type { CommandRegistry, KnownCommand } from '../commands/registry.ts'
import type { Run, RunningCommands } from '../commands/run.ts'
import { changeState, NOTHING, together } from '../commit.ts'
import { type CommandResult, ERROR_EVENTS, ExecuteRequest } from '../contract.ts'
import { allows } from '../permissions.ts'
import { Progress } from '../progress.ts'
import { invalid, Refusal, refusal } from '../refusal.ts'
import { announced, failure, type Operation, type Request } from './operation.ts'

type Execute = Request<ExecuteRequest>

/** The command, if it is there, may be run and has parameters that are its own. */
function prepare(
  commands: CommandRegistry,
  { identity, payload }: Execute,
): KnownCommand | Refusal {
  const { command: name, parameters = {} } = payload.payload
  const known = commands.get(name)
  if (!known) return refusal('unknown_command')
  if (!allows(identity.permissions, known.command.permission ?? undefined)) {
    return refusal('permission_denied')
  }
  const problem = known.validate(parameters)
  return problem ? invalid('/payload/parameters', [problem]) : known
}

/**
 * `agent_execute_command`: validated and, where it has a name, claimed in its turn, then run beside the other
 * messages; it answers when it is done.
 */
export const execute = (
  commands: CommandRegistry,
  running: RunningCommands,
): Operation<typeof ExecuteRequest> => ({
  name: 'agent_execute_command',
  schema: ExecuteRequest,
  permission: 'command.execute',
  about: ({ payload: { commandId, command } }, identity) => ({
    ...(commandId !== undefined && { commandId }),
    ...(identity && commands.has(command) && { command }),
  }),
  async perform(request, to) {
    const known = prepare(commands, request)
    if (known instanceof Refusal) return known
    const run = running.start(request.actor)
    if (!run) return refusal('rate_limited')
    try {
      const asked = ask({ ...request, to, running, run, command: known.command })
      const standing = asked.named ? await asked.named.claim() : 'mine'
      if (!(standing instanceof Refusal)) {
        request.client.waitUntil(answer(asked, standing))
        return undefined
      }
      running.end(run, standing)
      return standing
    } catch (error) {
      running.end(run, refusal('internal'))
      throw error
    }
  },
})

/** A request that was let in, on its way to its answer. */
interface Asked extends Execute {
  readonly to: Return
  readonly running: RunningCommands
  readonly run: Run
  readonly command: Command
  readonly named: NamedCommand | undefined
  readonly about: Pick<CommandResult, 'commandId' | 'command'>
}

function ask(asked: Omit<Asked, 'named' | 'about'>): Asked {
  const { agent, running, run, command, payload } = asked
  const { commandId, parameters = {} } = payload.payload
  const about = { commandId: commandId ?? run.id, command: command.name }
  if (commandId === undefined) return { ...asked, named: undefined, about }
  const named = new NamedCommand(agent, running, run, { commandId, command, parameters })
  return { ...asked, named, about }
}

/** Answers with an earlier request's outcome, or with its own. Rejects where no answer can be sent. */
async function answer(asked: Asked, standing: Standing): Promise<void> {
  const { agent, client, named, running, run } = asked
  let outcome: Outcome = refusal('internal')
  try {
    const found = named ? await named.follow(standing, client) : 'mine'
    outcome = found === 'mine' ? await perform(asked) : tell(asked, found.outcome)
  } catch (error) {
    outcome = tell(asked, failure(agent, error))
  } finally {
    running.end(run, outcome)
  }
}

async function perform(asked: Asked): Promise<Outcome> {
  const { agent, client, actor, identity, payload, running, run, command, named, about } = asked
  const ended = await running.cancellable(run, about.commandId, command.name, () =>
    executeCommand(agent, {
      command,
      parameters: payload.payload.parameters ?? {},
      run,
      runner: { ...actor, permissions: identity.permissions },
      progress: new Progress(client.progress, { ...about, operatorId: actor.operatorId }, agent),
      named,
    }),
  )
  const isForSession = command.audience === 'session'
  // What its session is told, the same commit keeps. Who was stopped may have kept its draft before.
  const isSettled = !named || (isForSession && !(ended instanceof Refusal))
  const outcome = isSettled ? ended : await named.settle(ended)
  return isForSession && !(outcome instanceof Refusal)
    ? await announce(asked, outcome)
    : tell(asked, outcome)
}

const resultOf = ({ agent, about }: Asked, { result, operatorId, timestamp }: Done) =>
  ({
    success: true,
    message: agent.messages.success('executed'),
    ...about,
    result,
    operatorId,
    timestamp,
  }) as const

/** To the requester alone. */
function tell(asked: Asked, outcome: Outcome): Outcome {
  const { client, to, about } = asked
  if (outcome instanceof Refusal) {
    client.fail(to, ERROR_EVENTS.agent_execute_command, outcome, about)
  } else {
    client.succeed(to, 'agent_command_result', resultOf(asked, outcome))
  }
  return outcome
}

/** To the session, by the commit that keeps the outcome. */
async function announce(asked: Asked, done: Done): Promise<Outcome> {
  const { agent, client, to, actor, named } = asked
  const refused = await announced(client, to, () =>
    changeState(agent, actor.session, async () => {
      const { part, outcome } = named ? await named.ending(done) : { part: NOTHING, outcome: done }
      if (outcome instanceof Refusal) return outcome
      const event = { event: 'agent_command_result', payload: resultOf(asked, outcome) } as const
      return { result: undefined, commit: together({ expect: [], event }, part) }
    }),
  )
  return refused ? tell(asked, refused) : done
}
