/** A change that an agent proposes: how it is kept, shown and decided on (contract 8). */
import type { Agent } from './agent.ts'
import type { Change, Unnumbered } from './contract.ts'
import { type Refusal, refusal } from './refusal.ts'
import type { Commit, Document, DocumentRef, SessionKey } from './store/store.ts'

/** A change that somebody has decided on. */
export type DecidedChange = Change & Required<Pick<Change, 'decidedBy' | 'decidedAt'>>

/** A change as it is kept. `applying` is who approves it while a foreign repository applies it. */
export interface KeptChange extends Change {
  readonly applying?: { readonly by: string; readonly since: number }
}

/** One that is being applied. */
export type ClaimedChange = KeptChange & Required<Pick<KeptChange, 'applying'>>

export const isClaimed = (kept: KeptChange): kept is ClaimedChange => kept.applying !== undefined

export const CHANGES = { scope: 'session', name: 'changes' } as const
export const changeRef = (id: string): DocumentRef => ({ ...CHANGES, id })

/** Pending at the store's time `now`, and for too long; one that is being applied was decided before. */
export const isOverdue = ({ status, applying, expiresAt }: KeptChange, now: number): boolean =>
  status === 'pending' && !applying && now >= Date.parse(expiresAt)

export const expired = (kept: Change): Change => ({ ...kept, status: 'expired' })

/** What clients see: a change that is being applied is pending to them, one past its time expired. */
export function shown(kept: KeptChange, now: number): Change {
  if (isOverdue(kept, now)) return expired(kept)
  const { applying, ...change } = kept
  return change
}

/** A change that is open to a decision. */
export interface OpenChange {
  readonly kept: KeptChange
  /** The store's time when that was so. */
  readonly now: number
  /** What a commit that decides it must hold to: it is open still, and its time has not passed. */
  readonly still: Required<Pick<Commit, 'expect' | 'before'>>
}

/**
 * A kept change, and the store's time before it was read: what is pending then, and past its time, can no longer
 * be decided by anybody.
 */
export async function readChange(
  agent: Agent,
  session: SessionKey,
  changeId: string,
): Promise<readonly [document: Document | undefined, now: number]> {
  const now = await agent.store.now(session)
  return [await agent.store.get(session, changeRef(changeId)), now]
}

/** The change, if it is there and open to a decision: refusals in the contract's order. */
export async function openChange(
  agent: Agent,
  session: SessionKey,
  changeId: string,
): Promise<OpenChange | Refusal> {
  const [document, now] = await readChange(agent, session, changeId)
  if (!document) return refusal('unknown_change')
  const kept = keptChange(document)
  if (kept.applying) return refusal('already_decided')
  const { status, expiresAt } = shown(kept, now)
  if (status === 'expired') return refusal('change_expired')
  if (status !== 'pending') return refusal('already_decided')
  const expect = [{ ref: changeRef(changeId), version: document.version }]
  return { kept, now, still: { expect, before: Date.parse(expiresAt) } }
}

export const keptChange = ({ value }: Document): KeptChange => value as KeptChange

/** The change once it is approved. */
export function approved(
  { applying, ...kept }: KeptChange,
  by: string,
  now: number,
): DecidedChange {
  return { ...kept, status: 'approved', decidedBy: by, decidedAt: new Date(now).toISOString() }
}

/** The payload of `agent_changes_approved` and `agent_changes_rejected`. */
export function decision(
  agent: Agent,
  change: DecidedChange,
): Unnumbered<'agent_changes_approved' | 'agent_changes_rejected'> {
  return {
    success: true,
    message: agent.messages.success(change.status === 'approved' ? 'approved' : 'rejected'),
    changeId: change.changeId,
    change,
    operatorId: change.decidedBy,
    timestamp: change.decidedAt,
  }
}
