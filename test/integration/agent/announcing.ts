/** What the tests of a session's events share. */
import {
  type AgentClient,
  ok,
  type Payload,
  rawAgent,
  type Who,
} from '../../support/agent-client.ts'
import { type AgentServer, COMMANDS, startAgentServer } from '../../support/agent-server.ts'

/** Commands that may run at once. */
const AT_ONCE = 100

/** A server with commands of every kind. */
export const setUp = (options: { readonly now?: () => number } = {}) =>
  startAgentServer({ commands: COMMANDS, ...options })

/** Has the session's operators told something so many times. */
export async function announce(
  agent: AgentClient,
  count: number,
  value: unknown = 1,
): Promise<void> {
  for (let left = count; left > 0; left -= AT_ONCE) {
    const batch = Array.from({ length: Math.min(left, AT_ONCE) })
    for (const reply of await Promise.all(batch.map(() => agent.execute('announce', { value })))) {
      ok(reply)
    }
  }
}

/** A client that has joined, and is about to come back. */
export const returning = (server: AgentServer, who: Partial<Who> = {}) =>
  rawAgent(server, who, { authenticated: false })

/** Comes back with what a former client knew; what is told of that. */
export async function comeBack(
  agent: AgentClient,
  lastSeq: unknown,
  epoch: unknown,
): Promise<Payload> {
  const { recovered, seq, epoch: now } = ok(await agent.authenticate({ lastSeq, epoch }))
  return { recovered, seq, isSameEpoch: now === epoch }
}

/** The epoch of the client's session. */
export const epochOf = async (agent: AgentClient) => ok(await agent.authenticate())['epoch']
