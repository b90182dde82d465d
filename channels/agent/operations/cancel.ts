import { setTimeout as sleep } from 'node:timers/promises'
import type { Agent } from '../agent.ts'
import { type Claim, findClaim, isRunning } from '../commands/named.ts'
import type { Cancellation } from '../commands/nodes.ts'
import type { RunningCommands } from '../commands/run.ts'
import { CancelRequest } from '../contract.ts'
import { Refusal, refusal } from '../refusal.ts'
import type { Operation } from './operation.ts'

/** How long another node may take, and how often it is looked whether it has. */
const WAIT_MS = 5_000
const POLL_MS = 50

/** `agent_cancel_command`: ends one's own command, whichever socket asked for it. */
export const cancel = (running: RunningCommands): Operation<typeof CancelRequest> => ({
  name: 'agent_cancel_command',
  schema: CancelRequest,
  permission: 'command.execute',
  async perform({ agent, client, actor, payload }, to) {
    const { commandId } = payload.payload
    const command = await cancelled(agent, running, { ...actor, commandId })
    if (command instanceof Refusal) return command
    client.succeed(to, 'agent_command_cancelled', {
      success: true,
      message: agent.messages.success('cancelled'),
      commandId,
      command,
      operatorId: actor.operatorId,
      timestamp: new Date(agent.now()).toISOString(),
    })
    return undefined
  },
})

const isCancelled = (outcome: object | undefined): boolean =>
  outcome !== undefined && 'code' in outcome && outcome.code === 'command_cancelled'

/** The name of the command that has ended by it. One that was faster is as good as none. */
async function cancelled(
  agent: Agent,
  running: RunningCommands,
  cancellation: Cancellation,
): Promise<string | Refusal> {
  const found = running.cancel(cancellation)
  if (!found) return await cancelledElsewhere(agent, running, cancellation)
  const outcome = await found.run.ended
  if (isCancelled(outcome)) return found.command
  const isUnknown = outcome instanceof Refusal && outcome.code === 'unavailable'
  return refusal(isUnknown ? 'unavailable' : 'unknown_command')
}

/** Of the other nodes' commands those can be found that their client has named. */
async function cancelledElsewhere(
  agent: Agent,
  running: RunningCommands,
  cancellation: Cancellation,
): Promise<string | Refusal> {
  const { session, operatorId, commandId } = cancellation
  const find = async (): Promise<Claim | undefined> => {
    const claim = await findClaim(agent, session, commandId)
    return claim?.operatorId === operatorId ? claim : undefined
  }
  let claim = await find()
  if (!claim || claim.outcome || !(await isRunning(agent, running, session, claim))) {
    return refusal('unknown_command')
  }
  running.nodes.askToCancel(cancellation)
  for (let left = WAIT_MS / POLL_MS; left > 0 && claim && !claim.outcome; left -= 1) {
    await sleep(POLL_MS)
    claim = await find()
  }
  if (claim && !claim.outcome) return refusal('unavailable')
  return claim && isCancelled(claim.outcome) ? claim.command : refusal('unknown_command')
}
