import { setTimeout as sleep } from 'node:timers/promises'
import type { Agent } from '../agent.ts'
import type { Return } from '../client.ts'
import { type Claim, findClaim, isRunning } from '../commands/named.ts'
import type { Cancellation } from '../commands/nodes.ts'
import { type Outcome, revived } from '../commands/outcome.ts'
import type { RunningCommands } from '../commands/run.ts'
import { CancelRequest, ERROR_EVENTS } from '../contract.ts'
import { Refusal, refusal } from '../refusal.ts'
import { sessionName } from '../store/keys.ts'
import { failure, type Operation, type Request } from './operation.ts'

/** How long another node may take, and how often it is looked whether it has. */
const WAIT_MS = 5_000
const POLL_MS = 50

/** The name of the command that has ended by it. */
type Cancelled = string | Refusal

/**
 * `agent_cancel_command`: ends one's own command, whichever socket asked for it. It answers, beside the other
 * messages, when that has ended.
 */
export const cancel = (running: RunningCommands): Operation<typeof CancelRequest> => {
  const cancelling = new Cancelling(running)
  return {
    name: 'agent_cancel_command',
    schema: CancelRequest,
    permission: 'command.execute',
    about: ({ payload: { commandId } }) => ({ commandId }),
    async perform(request, to) {
      request.client.waitUntil(answer(cancelling, request, to))
      return undefined
    },
  }
}

async function answer(
  cancelling: Cancelling,
  { agent, client, actor, payload }: Request<CancelRequest>,
  to: Return,
): Promise<void> {
  const { commandId } = payload.payload
  const { operatorId } = actor
  const command = await cancelling
    .cancel(agent, { ...actor, commandId })
    .catch((error: unknown) => failure(agent, error))
  if (command instanceof Refusal) {
    client.fail(to, ERROR_EVENTS.agent_cancel_command, command, { commandId })
    return
  }
  client.succeed(to, 'agent_command_cancelled', {
    success: true,
    message: agent.messages.success('cancelled'),
    commandId,
    command,
    operatorId,
    timestamp: new Date(agent.now()).toISOString(),
  })
}

/** What came of it. A command that was faster is as good as none. */
function judged(command: string, outcome: Outcome | undefined): Cancelled {
  const code = outcome instanceof Refusal ? outcome.code : undefined
  if (code === 'command_cancelled') return command
  return refusal(!outcome || code === 'unavailable' ? 'unavailable' : 'unknown_command')
}

class Cancelling {
  readonly #running: RunningCommands
  /** By what is cancelled: however often that is asked for, one looks whether another node has done it. */
  readonly #elsewhere = new Map<string, Promise<Cancelled>>()

  constructor(running: RunningCommands) {
    this.#running = running
  }

  async cancel(agent: Agent, cancellation: Cancellation): Promise<Cancelled> {
    const found = this.#running.cancel(cancellation)
    if (found) return judged(found.command, await found.run.ended)
    const { session, operatorId, commandId } = cancellation
    const key = JSON.stringify([sessionName(session), operatorId, commandId])
    const cancelled = this.#elsewhere.get(key) ?? this.#cancelNamed(agent, cancellation)
    this.#elsewhere.set(key, cancelled)
    try {
      return await cancelled
    } finally {
      this.#elsewhere.delete(key)
    }
  }

  /** Of the other nodes' commands those can be found that their client has named. */
  async #cancelNamed(agent: Agent, cancellation: Cancellation): Promise<Cancelled> {
    const { session, operatorId, commandId } = cancellation
    const running = this.#running
    const find = async (): Promise<Claim | undefined> => {
      const claim = await findClaim(agent, session, commandId)
      return claim?.operatorId === operatorId ? claim : undefined
    }
    const isOn = async (claim: Claim | undefined): Promise<boolean> =>
      claim !== undefined && !claim.outcome && (await isRunning(agent, running, session, claim))
    let claim = await find()
    if (!claim || !(await isOn(claim))) return refusal('unknown_command')
    // It has just begun here, or is about to have ended.
    const run = running.get(claim.run)
    run?.stop('command_cancelled')
    if (run) return judged(claim.command, await run.ended)
    running.nodes.askToCancel(cancellation)
    for (let left = WAIT_MS / POLL_MS; left > 0 && (await isOn(claim)); left -= 1) {
      await sleep(POLL_MS)
      claim = await find()
    }
    if (!claim) return refusal('unknown_command')
    return judged(claim.command, claim.outcome && revived(claim.outcome))
  }
}
