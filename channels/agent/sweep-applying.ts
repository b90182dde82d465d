/**
 * Changes that a node left half applied: it died, or the repository did not say what became of them. They are
 * settled by asking the repository again.
 */
import type { Agent } from './agent.ts'
import { APPLYING, applyClaimed, type Entry, entryRef, settle } from './apply-foreign.ts'
import { changeRef, expired, isClaimed, keptChange, readChange } from './change.ts'
import { NODE } from './node-session.ts'
import { RepositoryTimeout } from './repository/answer.ts'
import type { AnyRepository } from './repository/repositories.ts'
import { isTransactional } from './repository/transactional.ts'
import { pages } from './store/pages.ts'
import type { Document, SessionKey } from './store/store.ts'

const PAGE = 100
/** Changes that one error names: a line of the log has room for them. */
const PER_ERROR = 50
/** What one sweep gives up at most: the log takes 10 errors of a class at once, and this is its only trace. */
const MOST_GIVEN_UP = 8 * PER_ERROR

/** Nobody knows what became of changes, and nobody will. */
class UnknownOutcome extends Error {
  override readonly name = 'UnknownOutcome'
}

/** Whether what began at `since` was left, by the store's time `now`: whoever began it is gone. */
export type IsLeft = (since: number, now: number) => boolean

interface Sweep {
  readonly agent: Agent
  readonly isLeft: IsLeft
  /** They did not answer in time, and are not asked again in this sweep. */
  readonly hanging: Set<AnyRepository>
  /** What is given up, as the log names it. */
  readonly givenUp: string[]
}

/**
 * Goes once through all that is being applied, behind the entry `start` first. Tells where the next sweep begins:
 * behind the first entry that hung, so that it is not always the same one that the others of its repository wait
 * for. Any number of nodes may do it at the same time.
 */
export async function sweepApplying(agent: Agent, isLeft: IsLeft, start = ''): Promise<string> {
  const sweep: Sweep = { agent, isLeft, hanging: new Set(), givenUp: [] }
  let next: string | undefined
  const visit = async (entry: Document) => {
    if (await sweepOne(sweep, entry)) next ??= entry.id
  }
  try {
    for await (const entry of entries(agent, start)) await visit(entry)
    for await (const entry of entries(agent, '')) {
      if (entry.id > start) break
      await visit(entry)
    }
  } finally {
    tellGivenUp(sweep)
  }
  return next ?? ''
}

function tellGivenUp({ agent, givenUp }: Sweep): void {
  const what = 'nobody knows whether these were applied, and no repository is left to ask'
  for (let at = 0; at < givenUp.length; at += PER_ERROR) {
    const named = givenUp.slice(at, at + PER_ERROR).join(', ')
    agent.onError(new UnknownOutcome(`${what}: ${named}`))
  }
}

async function* entries({ store }: Agent, after: string): AsyncGenerator<Document> {
  for await (const page of pages(store, NODE, APPLYING, { after, limit: PAGE })) yield* page
}

/** Whether its repository hung. */
async function sweepOne(sweep: Sweep, entry: Document): Promise<boolean> {
  const { agent, isLeft, hanging } = sweep
  const { session, changeId, since } = entry.value as Entry
  const [document, now] = await readChange(agent, session, changeId)
  const kept = document && keptChange(document)
  // A later attempt renews the entry, but not the claim.
  if (!isLeft(kept?.applying?.since ?? since, now)) return false
  if (!(document && kept && isClaimed(kept))) {
    // Unless somebody renews it just now, to claim the change.
    const expect = [{ ref: entryRef(changeId), version: entry.version }]
    await agent.store.commit(NODE, { expect, remove: [entryRef(changeId)] })
    return false
  }
  const repository = agent.repositories.get(kept.repositoryType)?.repository
  if (!repository || isTransactional(repository)) {
    await giveUp(sweep, session, document, now)
    return false
  }
  if (hanging.has(repository)) return false
  try {
    const outcome = await applyClaimed(agent, session, repository, kept)
    await settle(agent, session, kept, outcome)
  } catch (error) {
    agent.onError(error)
    if (error instanceof RepositoryTimeout) hanging.add(repository)
  }
  return hanging.has(repository)
}

/**
 * No repository of this node holds the type any more. Another node's may, or this one's after its next start, and
 * they can still tell what became of the change; but not longer than it could have been approved.
 */
async function giveUp(
  { agent, givenUp }: Sweep,
  session: SessionKey,
  { id, version, value }: Document,
  now: number,
): Promise<void> {
  const { applying, ...change } = keptChange({ id, version, value })
  if (now < Date.parse(change.expiresAt) || givenUp.length >= MOST_GIVEN_UP) return
  const ref = changeRef(id)
  const { committed } = await agent.store.commit(session, {
    expect: [{ ref, version }],
    put: [{ ref, value: expired(change) }],
  })
  if (committed) givenUp.push(`${id} of ${change.repositoryType}`)
}
