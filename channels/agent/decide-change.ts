/** Approving and rejecting: of any number of decisions on one change, exactly one takes effect (contract 8). */
import type { Actor, Agent } from './agent.ts'
import { type Approve, applyForeign } from './apply-foreign.ts'
import {
  approved,
  changeRef,
  type DecidedChange,
  decision,
  keptChange,
  openChange,
} from './change.ts'
import { type Committed, changeFor } from './commit.ts'
import type { Change } from './contract.ts'
import { Refusal, refusal } from './refusal.ts'
import { isTransactional } from './repository/transactional.ts'

export async function rejectChange(
  agent: Agent,
  actor: Actor,
  { changeId, reason }: { readonly changeId: string; readonly reason: string },
): Promise<Committed<Change> | Refusal> {
  const { session, operatorId } = actor
  return await changeFor(agent, actor, async () => {
    const open = await openChange(agent, session, changeId)
    if (open instanceof Refusal) return open
    const decidedAt = new Date(open.now).toISOString()
    const change: DecidedChange = {
      ...open.kept,
      status: 'rejected',
      decidedBy: operatorId,
      decidedAt,
      reason,
    }
    return {
      result: change,
      commit: {
        ...open.still,
        put: [{ ref: changeRef(changeId), value: change }],
        event: { event: 'agent_changes_rejected', payload: decision(agent, change) },
      },
    }
  })
}

/**
 * Resolves with what commits that a change is approved and its record changed, and by whom; or with why it cannot
 * be. A foreign repository, which may take its time, has applied it by then. A conflict leaves it pending, and so
 * does a repository that is full. Its author, where two must agree, has no right to: that is asked of what exists,
 * and before its state (contract 5.4).
 */
export async function approval(
  agent: Agent,
  actor: Actor,
  changeId: string,
): Promise<Approve | Refusal> {
  const { session, operatorId } = actor
  const document = await agent.store.get(session, changeRef(changeId))
  if (!document) return refusal('unknown_change')
  const { repositoryType, operation, recordId, baseVersion, author } = keptChange(document)
  if (agent.fourEyes && author === operatorId) return refusal('permission_denied')
  const repository = agent.repositories.get(repositoryType)?.repository
  if (!repository) return refusal('unknown_repository')
  if (!isTransactional(repository)) return await applyForeign(agent, actor, repository, changeId)
  return () =>
    changeFor(agent, actor, async () => {
      // Before the change: where that is open after it, it is not this change that moved the record on.
      const found = await repository.get(session.businessId, repositoryType, recordId)
      const open = await openChange(agent, session, changeId)
      if (open instanceof Refusal) return open
      if ((found?.version ?? 0) !== baseVersion) return refusal('change_conflict')
      const hasRoom =
        operation !== 'create' || (await repository.hasRoom(session.businessId, repositoryType))
      if (!hasRoom) return refusal('rate_limited')
      const change = approved(open.kept, operatorId, open.now)
      const staged = repository.stage(change, baseVersion)
      return {
        result: change,
        commit: {
          ...open.still,
          expect: [...open.still.expect, ...staged.expect],
          put: [{ ref: changeRef(changeId), value: change }, ...staged.put],
          remove: staged.remove,
          event: { event: 'agent_changes_approved', payload: decision(agent, change) },
        },
      }
    })
}
