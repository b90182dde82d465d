import type { Actor, Agent } from '../agent.ts'
import { keptChange, readChange, shown } from '../change.ts'
import type { Committed } from '../commit.ts'
import type { Change } from '../contract.ts'
import { approval, rejectChange } from '../decide-change.ts'
import { draftChange } from '../draft-change.ts'
import { listChanges } from '../list-changes.ts'
import { currentQuery, modifyQuery, queryHistory, revertQuery } from '../modifications.ts'
import { ANY_CHANGE, allows, type Permission, type RequiredPermission } from '../permissions.ts'
import { queryModified, queryReverted } from '../query-events.ts'
import { Refusal, refusal } from '../refusal.ts'
import type { CommitPart } from '../repository/transactional.ts'
import type { SessionKey } from '../store/store.ts'
import type { SessionOperations } from './command.ts'

/** Of a list, at once. */
const MOST = 200

/** Who does it, with what rights. */
export interface Runner extends Actor {
  readonly permissions: ReadonlySet<Permission>
}

/** What a command's draft commits besides. */
export type Besides = (change: Change) => Promise<CommitPart | Refusal>

/**
 * The same promise. A command that has ended, or been ended, waits for none of its own any more, and a rejection that
 * nobody waits for would end the node.
 */
function unheard<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined)
  return work
}

/** What a running command can do in its session. */
export function sessionOperations(
  agent: Agent,
  runner: Runner,
  signal: AbortSignal,
  besides: Besides,
): SessionOperations {
  const { session, operatorId } = runner
  const actor: Actor = { session, operatorId, signal }
  const inTime = async <T>(work: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted()
    return await work()
  }
  /** With that right, and in time. */
  const guarded = <T>(needs: RequiredPermission, work: () => Promise<T>): Promise<T | Refusal> =>
    unheard(
      inTime(async () =>
        allows(runner.permissions, needs) ? await work() : refusal('permission_denied'),
      ),
    )
  const committed = <T>(needs: RequiredPermission, work: () => Promise<Committed<T> | Refusal>) =>
    guarded(needs, async () => {
      const outcome = await work()
      return outcome instanceof Refusal ? outcome : outcome.result
    })
  return {
    query: (type) => unheard(inTime(() => currentQuery(agent, session, type))),
    modify(repositoryType, value) {
      const form = Array.isArray(value) ? 'list' : 'object'
      const modifications = { form, value, path: '' } as const
      const request = { repositoryType, modifications, announce: queryModified(agent) }
      return committed('query.modify', () => modifyQuery(agent, actor, request))
    },
    revert(modificationId) {
      const announce = queryReverted(operatorId)
      return committed('query.revert', () => revertQuery(agent, actor, modificationId, announce))
    },
    history: ({ limit = MOST, ...range } = {}) =>
      guarded('query.history', () =>
        queryHistory(agent, session, { ...range, limit: Math.min(limit, MOST) }),
      ),
    draft: (draft) => guarded('change.create', () => draftChange(agent, actor, draft, besides)),
    change: (changeId) => guarded(ANY_CHANGE, () => oneChange(agent, session, changeId)),
    changes: ({ limit = MOST, ...options } = {}) =>
      guarded(ANY_CHANGE, () =>
        listChanges(agent, session, { ...options, limit: Math.min(limit, MOST) }, signal),
      ),
    approve: (changeId) =>
      committed('change.approve', async () => {
        const approve = await approval(agent, actor, changeId)
        return approve instanceof Refusal ? approve : await approve()
      }),
    reject: (changeId, reason) =>
      committed('change.reject', () => rejectChange(agent, actor, { changeId, reason })),
  }
}

async function oneChange(
  agent: Agent,
  session: SessionKey,
  changeId: string,
): Promise<Change | Refusal> {
  const [document, now] = await readChange(agent, session, changeId)
  return document ? shown(keptChange(document), now) : refusal('unknown_change')
}
