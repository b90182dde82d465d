/**
 * Approving a change of a repository that cannot be in one transaction with the agent's state: the change
 * goes from pending to applying, the repository applies it (idempotently, by changeId), then it is approved
 * or, after a conflict, pending again. What a dead node left applying, a sweep finishes.
 */
import type { Actor, Agent } from './agent.ts'
import {
  approved,
  type ClaimedChange,
  changeRef,
  decision,
  keptChange,
  openChange,
  readChange,
} from './change.ts'
import { type Committed, changeFor, changeState } from './commit.ts'
import type { Change } from './contract.ts'
import { NODE } from './node-session.ts'
import { Refusal, refusal } from './refusal.ts'
import { answerOf } from './repository/answer.ts'
import type { Repository } from './repository/repository.ts'
import type { DocumentRef, SessionKey } from './store/store.ts'

/** What is being applied, of all businesses: an `Entry` each. */
export const APPLYING = { scope: 'business', name: 'applying' } as const

export const entryRef = (changeId: string): DocumentRef => ({ ...APPLYING, id: changeId })

export interface Entry {
  readonly session: SessionKey
  readonly changeId: string
  readonly since: number
}

/** Noted before the change is claimed: an entry without a claim is harmless, a claim without one is lost. */
async function note(agent: Agent, session: SessionKey, changeId: string): Promise<void> {
  const value: Entry = { session, changeId, since: await agent.store.now(session) }
  await agent.store.commit(NODE, { expect: [], put: [{ ref: entryRef(changeId), value }] })
}

/** From pending to applying: of several that try, one succeeds. */
function claim(agent: Agent, actor: Actor, changeId: string) {
  const { session, operatorId } = actor
  return changeFor<ClaimedChange>(agent, actor, async () => {
    const open = await openChange(agent, session, changeId)
    if (open instanceof Refusal) return open
    const value = { ...open.kept, applying: { by: operatorId, since: open.now } }
    return {
      result: value,
      commit: {
        ...open.still,
        put: [{ ref: changeRef(changeId), value }],
      },
    }
  })
}

type Outcome = 'applied' | 'conflict'

/** Commits that a change is approved, or tells why it is not. */
export type Approve = () => Promise<Committed<Change> | Refusal>

/** Lets the repository apply a claimed change. Where that rejects, nobody knows: the sweep asks again. */
export async function applyClaimed(
  agent: Agent,
  session: SessionKey,
  repository: Repository,
  { applying: _claim, ...change }: ClaimedChange,
): Promise<Outcome> {
  const { changeId, repositoryType, baseVersion } = change
  const applying = repository.apply(session.businessId, change, baseVersion)
  const outcome = await answerOf(applying, agent.applyMs, `apply ${changeId} of ${repositoryType}`)
  if (outcome === 'applied' || outcome === 'conflict') return outcome
  throw new TypeError(`apply resolved to neither 'applied' nor 'conflict'`)
}

/**
 * From applying to approved, or back to pending and `change_conflict`. Only the claim that the repository was asked
 * about: where another node settled it first, there may be a later one, whose outcome is another.
 */
export async function settle(
  agent: Agent,
  session: SessionKey,
  { changeId, applying: claimed }: ClaimedChange,
  outcome: Outcome,
): Promise<Committed<Change> | Refusal> {
  const settled = await changeState<Change>(agent, session, async () => {
    const [document, now] = await readChange(agent, session, changeId)
    if (!document) return refusal('unknown_change')
    const { applying, ...kept } = keptChange(document)
    const isSame = applying?.since === claimed.since && applying.by === claimed.by
    if (!isSame) return refusal('already_decided')
    const decided = outcome === 'applied' ? approved(kept, applying.by, now) : undefined
    const change = decided ?? kept
    return {
      result: change,
      commit: {
        expect: [{ ref: changeRef(changeId), version: document.version }],
        put: [{ ref: changeRef(changeId), value: change }],
        ...(decided && {
          event: { event: 'agent_changes_approved', payload: decision(agent, decided) },
        }),
      },
    }
  })
  if (settled instanceof Refusal) return settled
  // Somebody may be about to claim it again, and needs the entry: the sweep sees to that.
  if (outcome === 'conflict') return refusal('change_conflict')
  // It is decided, whatever becomes of the entry: the sweep removes that, too.
  agent.store
    .commit(NODE, { expect: [], remove: [entryRef(changeId)] })
    .catch((error: unknown) => agent.onError(error))
  return settled
}

/** Lets the repository apply the change; what is to be committed then is left to the caller. */
export async function applyForeign(
  agent: Agent,
  actor: Actor,
  repository: Repository,
  changeId: string,
): Promise<Approve | Refusal> {
  const { session } = actor
  await note(agent, session, changeId)
  const claimed = await claim(agent, actor, changeId)
  if (claimed instanceof Refusal) return claimed
  try {
    const outcome = await applyClaimed(agent, session, repository, claimed.result)
    return () => settle(agent, session, claimed.result, outcome)
  } catch (error) {
    agent.onError(error)
    return refusal('unavailable')
  }
}
