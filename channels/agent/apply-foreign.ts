/**
 * Approving a change of a repository that cannot be in one transaction with the agent's state: the change
 * goes from pending to applying, the repository applies it (idempotently, by changeId), then it is approved
 * or, after a conflict, pending again. What a dead node left applying, a sweep finishes.
 */
import type { Actor, Agent } from './agent.ts'
import { approved, changeRef, decision, keptChange, openChange, readChange } from './change.ts'
import { type Committed, changeState } from './commit.ts'
import type { Change } from './contract.ts'
import { NODE } from './node-session.ts'
import { Refusal, refusal } from './refusal.ts'
import { answerOf } from './repository/answer.ts'
import type { Repository } from './repository/repository.ts'
import { isTransactional } from './repository/transactional.ts'
import type { DocumentRef, SessionKey } from './store/store.ts'

/** What is being applied, of all businesses. */
const APPLYING = { scope: 'business', name: 'applying' } as const
const PAGE = 100

const entryRef = (changeId: string): DocumentRef => ({ ...APPLYING, id: changeId })

interface Entry {
  readonly session: SessionKey
  readonly changeId: string
  readonly since: number
}

/** Noted before the change is claimed: an entry without a claim is harmless, a claim without one is lost. */
async function note(agent: Agent, session: SessionKey, changeId: string): Promise<void> {
  const value: Entry = { session, changeId, since: await agent.store.now(session) }
  await agent.store.commit(NODE, { expect: [], put: [{ ref: entryRef(changeId), value }] })
}

const forget = (agent: Agent, changeId: string) =>
  agent.store.commit(NODE, { expect: [], remove: [entryRef(changeId)] })

/** From pending to applying: of several that try, one succeeds. */
function claim(agent: Agent, { session, operatorId }: Actor, changeId: string) {
  return changeState(agent, session, async () => {
    const open = await openChange(agent, session, changeId)
    if (open instanceof Refusal) return open
    const value = { ...open.kept, applying: { by: operatorId, since: open.now } }
    return {
      result: open.kept,
      commit: {
        ...open.still,
        put: [{ ref: changeRef(changeId), value }],
      },
    }
  })
}

/** From applying to approved, or back to pending. */
function settle(
  agent: Agent,
  session: SessionKey,
  changeId: string,
  outcome: 'applied' | 'conflict',
): Promise<Committed<Change> | Refusal> {
  return changeState(agent, session, async () => {
    const [document, now] = await readChange(agent, session, changeId)
    if (!document) return refusal('unknown_change')
    const { applying, ...kept } = keptChange(document)
    if (!applying) return refusal('already_decided')
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
}

/**
 * Lets the repository apply a claimed change. Where it throws, or takes too long, nobody knows: the sweep asks
 * again.
 */
async function finish(
  agent: Agent,
  session: SessionKey,
  repository: Repository,
  change: Change,
): Promise<Committed<Change> | Refusal> {
  let outcome: 'applied' | 'conflict'
  try {
    const { changeId, repositoryType, baseVersion } = change
    const applying = repository.apply(session.businessId, change, baseVersion)
    outcome = await answerOf(applying, agent.applyMs, `apply ${changeId} of ${repositoryType}`)
    if (outcome !== 'applied' && outcome !== 'conflict') {
      throw new TypeError(`apply resolved to neither 'applied' nor 'conflict'`)
    }
  } catch (error) {
    agent.onError(error)
    return refusal('unavailable')
  }
  const settled = await settle(agent, session, change.changeId, outcome)
  await forget(agent, change.changeId)
  return outcome === 'conflict' && !(settled instanceof Refusal)
    ? refusal('change_conflict')
    : settled
}

export async function applyForeign(
  agent: Agent,
  actor: Actor,
  repository: Repository,
  changeId: string,
): Promise<Committed<Change> | Refusal> {
  await note(agent, actor.session, changeId)
  const claimed = await claim(agent, actor, changeId)
  if (claimed instanceof Refusal) return claimed
  return await finish(agent, actor.session, repository, claimed.result)
}

/** Finishes what has been applying for longer than `olderThanMs`: whoever began it is gone. */
export async function sweepApplying(agent: Agent, olderThanMs: number): Promise<void> {
  let after = ''
  for (;;) {
    const page = await agent.store.list(NODE, APPLYING, { after, limit: PAGE })
    for (const { value } of page) await sweepOne(agent, value as Entry, olderThanMs)
    const last = page.at(-1)
    if (!last || page.length < PAGE) return
    after = last.id
  }
}

async function sweepOne(agent: Agent, entry: Entry, olderThanMs: number): Promise<void> {
  const { session, changeId } = entry
  const [document, now] = await readChange(agent, session, changeId)
  const kept = document && keptChange(document)
  // A later attempt renews the entry, but not the claim.
  const since = kept?.applying?.since ?? entry.since
  if (now - since < olderThanMs) return
  const known = kept && agent.repositories.get(kept.repositoryType)?.repository
  if (!kept?.applying) await forget(agent, changeId)
  else if (known && !isTransactional(known)) await finish(agent, session, known, kept)
}
