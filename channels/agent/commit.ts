import type { Actor, Agent } from './agent.ts'
import type { SessionEventName, Unnumbered } from './contract.ts'
import { Refusal, refusal } from './refusal.ts'
import type { CommitPart } from './repository/transactional.ts'
import { sessionName } from './store/keys.ts'
import type { Commit, SessionEvent, SessionKey } from './store/store.ts'

/** How often a lost race is run again before the client hears `unavailable`. */
const ATTEMPTS = 16

/** What a commit tells the session. */
type Announcement = {
  readonly [E in SessionEventName]: { readonly event: E; readonly payload: Unnumbered<E> }
}[SessionEventName]

/** What one attempt wants to commit, and what it answers when that is done. */
export interface Plan<T> {
  readonly commit: Commit & { readonly event?: Announcement }
  readonly result: T
}

export const NOTHING: CommitPart = { expect: [], put: [], remove: [] }

/** One commit that does both. */
export const together = <C extends Commit>(commit: C, part: CommitPart): C => ({
  ...commit,
  expect: [...commit.expect, ...part.expect],
  put: [...(commit.put ?? []), ...part.put],
  remove: [...(commit.remove ?? []), ...part.remove],
})

export interface Committed<T> {
  readonly result: T
  readonly event: SessionEvent | undefined
}

/**
 * One change of a session's state: `attempt` reads, decides and says what to commit; where what it read has
 * moved on before the commit, it runs again. One at a time per session on this node. Rejects with what the
 * store rejects with.
 */
export function changeState<T>(
  agent: Agent,
  session: SessionKey,
  attempt: () => Promise<Plan<T> | Refusal>,
): Promise<Committed<T> | Refusal> {
  return agent.queue.run(sessionName(session), async () => {
    for (let left = ATTEMPTS; left > 0; left -= 1) {
      const plan = await attempt()
      if (plan instanceof Refusal) return plan
      const outcome = await agent.store.commit(session, plan.commit)
      if (outcome.committed) return { result: plan.result, event: outcome.event }
    }
    return refusal('unavailable')
  })
}

/** The same for an actor: it rejects, and commits nothing any more, once the actor's signal is aborted. */
export const changeFor = <T>(
  agent: Agent,
  { session, signal }: Actor,
  attempt: () => Promise<Plan<T> | Refusal>,
): Promise<Committed<T> | Refusal> =>
  changeState(agent, session, async () => {
    const plan = await attempt()
    signal?.throwIfAborted()
    return plan
  })

/** The same; `besides` tells, of what an attempt would answer, what else its commit is to do. */
export const changeWith = <T>(
  besides: (result: T) => Promise<CommitPart | Refusal>,
  agent: Agent,
  actor: Actor,
  attempt: () => Promise<Plan<T> | Refusal>,
): Promise<Committed<T> | Refusal> =>
  changeFor(agent, actor, async () => {
    const plan = await attempt()
    if (plan instanceof Refusal) return plan
    const part = await besides(plan.result)
    if (part instanceof Refusal) return part
    return { result: plan.result, commit: together(plan.commit, part) }
  })
