import type { Actor, Agent } from './agent.ts'
import { CHANGES, changeRef, keptChange, shown } from './change.ts'
import { changeWith } from './commit.ts'
import type { Change } from './contract.ts'
import { type Draft, outcomeOf, type WholeDraft, wholeDraft } from './draft.ts'
import { noteExpiry } from './expire-changes.ts'
import { nextEntry } from './journal.ts'
import { Refusal, refusal } from './refusal.ts'
import { answerOf, RepositoryTimeout } from './repository/answer.ts'
import type { AnyRepository } from './repository/repositories.ts'
import type { VersionedRecord } from './repository/repository.ts'
import type { CommitPart } from './repository/transactional.ts'

const LIFETIME_MS = 24 * 3_600_000
/** What a session may keep of changes. */
const JOURNAL = { collection: CHANGES, prefix: 'chg', kept: 10_000 } as const

/**
 * Keeps a pending change and announces it to the session with `agent_change_pending` (contract 8). `besides` tells
 * what else the commit is to do.
 */
export async function draftChange(
  agent: Agent,
  actor: Actor,
  draft: Draft,
  besides: (change: Change) => Promise<CommitPart | Refusal>,
): Promise<Change | Refusal> {
  const { session, operatorId } = actor
  const whole = wholeDraft(draft)
  if (whole instanceof Refusal) return whole
  const { repositoryType, operation, recordId } = whole
  const known = agent.repositories.get(repositoryType)
  if (!known) return refusal('unknown_repository')
  // Before its turn in the session: a repository that hangs keeps nobody else waiting, and drafts nothing later.
  const found = await recordOf(agent, known.repository, session.businessId, whole)
  if (found instanceof Refusal) return found
  const outcome = await changeWith(besides, agent, actor, async () => {
    const next = await nextEntry(agent, session, JOURNAL)
    const before = found?.record ?? null
    const after = outcomeOf(whole, before)
    if (after instanceof Refusal) return after
    const { id, now, oldest } = next
    if (oldest && shown(keptChange(oldest), now).status === 'pending') {
      return refusal('rate_limited')
    }
    const change: Change = {
      changeId: id,
      repositoryType,
      operation,
      recordId,
      before,
      after,
      baseVersion: found?.version ?? 0,
      author: operatorId,
      status: 'pending',
      createdAt: new Date(now).toISOString(),
      expiresAt: new Date(now + LIFETIME_MS).toISOString(),
    }
    await noteExpiry(agent, session, change)
    return {
      result: change,
      commit: {
        expect: next.expect,
        put: [{ ref: changeRef(id), value: change }, ...next.put],
        remove: next.remove,
        event: { event: 'agent_change_pending', payload: { success: true, change } },
      },
    }
  })
  return outcome instanceof Refusal ? outcome : outcome.result
}

/** The record as it is. A repository that takes too long is logged here: by then the command may be over. */
async function recordOf(
  { applyMs, onError }: Agent,
  repository: AnyRepository,
  businessId: string,
  { repositoryType, recordId }: WholeDraft,
): Promise<VersionedRecord | undefined | Refusal> {
  try {
    const found = repository.get(businessId, repositoryType, recordId)
    return await answerOf(found, applyMs, `get for a draft of ${repositoryType}`)
  } catch (error) {
    if (!(error instanceof RepositoryTimeout)) throw error
    onError(error)
    return refusal('command_failed')
  }
}
