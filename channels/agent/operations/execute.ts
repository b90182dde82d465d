import type { Return } from '../client.ts'
import type { CommandRegistry, KnownCommand } from '../commands/registry.ts'
import type { RunningCommands } from '../commands/run.ts'
import { changeState } from '../commit.ts'
import { type CommandResult, ERROR_EVENTS, ExecuteRequest, type Unnumbered } from '../contract.ts'
import { randomId } from '../ids.ts'
import { allows } from '../permissions.ts'
import { invalid, Refusal, refusal } from '../refusal.ts'
import { announced, failure, type Operation, type Request } from './operation.ts'

/** Commands of one socket that may run at once; one more is `rate_limited`. */
const MAX_RUNNING = 100

type Execute = Request<ExecuteRequest>

/** The command, if it is there, may be run and has parameters that are its own. */
function prepare(
  commands: CommandRegistry,
  { client, identity, payload }: Execute,
): KnownCommand | Refusal {
  const { command: name, parameters = {} } = payload.payload
  const known = commands.get(name)
  if (!known) return refusal('unknown_command')
  if (!allows(identity.permissions, known.command.permission ?? undefined)) {
    return refusal('permission_denied')
  }
  const problem = known.validate(parameters)
  if (problem) return invalid('/payload/parameters', [problem])
  return client.running < MAX_RUNNING ? known : refusal('rate_limited')
}

/**
 * `agent_execute_command`: validated in its turn, then run beside the other messages; it answers when it is
 * done.
 */
export const execute = (
  commands: CommandRegistry,
  running: RunningCommands,
): Operation<typeof ExecuteRequest> => ({
  name: 'agent_execute_command',
  schema: ExecuteRequest,
  permission: 'command.execute',
  async perform(request, to) {
    const known = prepare(commands, request)
    if (known instanceof Refusal) return known
    request.client.waitUntil(run(running, request, to, known))
    return undefined
  },
})

async function run(
  running: RunningCommands,
  request: Execute,
  to: Return,
  { command }: KnownCommand,
): Promise<void> {
  const { agent, client, actor, identity, payload } = request
  const about = { commandId: randomId('cmd'), command: command.name }
  const fail = (refused: Refusal) =>
    client.fail(to, ERROR_EVENTS.agent_execute_command, refused, about)
  client.running += 1
  try {
    const runner = { ...actor, permissions: identity.permissions }
    const parameters = payload.payload.parameters ?? {}
    const outcome = await running.run(agent, runner, command, parameters)
    const refused =
      outcome instanceof Refusal
        ? outcome
        : await succeed(request, to, command.audience, { ...about, result: outcome.result })
    if (refused) fail(refused)
  } catch (error) {
    fail(failure(agent, error))
  } finally {
    client.running -= 1
  }
}

/** The result, to whom the command's audience is. */
async function succeed(
  { agent, client, actor }: Execute,
  to: Return,
  audience: 'requester' | 'session',
  done: Pick<CommandResult, 'commandId' | 'command' | 'result'>,
): Promise<Refusal | undefined> {
  const payload: Unnumbered<'agent_command_result'> = {
    success: true,
    message: agent.messages.success('executed'),
    ...done,
    operatorId: actor.operatorId,
    timestamp: new Date(agent.now()).toISOString(),
  }
  if (audience === 'requester') {
    client.succeed(to, 'agent_command_result', payload)
    return undefined
  }
  const commit = { expect: [], event: { event: 'agent_command_result', payload } } as const
  return await announced(client, to, () =>
    changeState(agent, actor.session, async () => ({ result: undefined, commit })),
  )
}
