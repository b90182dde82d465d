import type { TSchema } from '@sinclair/typebox'
import { compileSchema } from '../../../server/index.ts'
import type { Actor, Agent } from '../agent.ts'
import { keptChange, readChange, shown } from '../change.ts'
import type { Committed } from '../commit.ts'
import {
  ApproveRequest,
  type Change,
  QueryHistoryRequest,
  QueryModifyRequest,
  QueryRevertRequest,
  RejectRequest,
} from '../contract.ts'
import { approval, rejectChange } from '../decide-change.ts'
import { draftChange } from '../draft-change.ts'
import { ListChangesParameters, listChanges } from '../list-changes.ts'
import { currentQuery, modifyQuery, queryHistory, revertQuery } from '../modifications.ts'
import { ANY_CHANGE, allows, type Permission, type RequiredPermission } from '../permissions.ts'
import { queryModified, queryReverted } from '../query-events.ts'
import { invalid, Refusal, refusal } from '../refusal.ts'
import type { CommitPart } from '../repository/transactional.ts'
import type { SessionKey } from '../store/store.ts'
import type { SessionOperations } from './command.ts'

/** What is wrong with a request's shape, by its schema. `path`: where the request itself has it. */
function shapeOf(schema: TSchema, path = ''): (request: unknown) => Refusal | undefined {
  const validate = compileSchema(schema)
  return (request) => {
    const problem = validate(request)
    return problem && invalid(path, [problem])
  }
}

const ofModify = shapeOf(QueryModifyRequest)
const ofRevert = shapeOf(QueryRevertRequest)
const ofHistory = shapeOf(QueryHistoryRequest)
const ofChange = shapeOf(ApproveRequest)
const ofReject = shapeOf(RejectRequest)
const ofChanges = shapeOf(ListChangesParameters, '/payload/parameters')

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

/** What stands before each operation. */
function guards({ permissions }: Runner, signal: AbortSignal) {
  const inTime = <T>(work: () => Promise<T>): Promise<T> =>
    unheard(
      (async () => {
        signal.throwIfAborted()
        return await work()
      })(),
    )
  /** In time, in the request's shape and with that right. */
  const guarded = <T>(
    needs: RequiredPermission,
    malformed: Refusal | undefined,
    work: () => Promise<T>,
  ): Promise<T | Refusal> =>
    inTime(async () => {
      if (malformed) return malformed
      return allows(permissions, needs) ? await work() : refusal('permission_denied')
    })
  const committed = <T>(
    needs: RequiredPermission,
    malformed: Refusal | undefined,
    work: () => Promise<Committed<T> | Refusal>,
  ): Promise<T | Refusal> =>
    guarded(needs, malformed, async () => {
      const outcome = await work()
      return outcome instanceof Refusal ? outcome : outcome.result
    })
  return { inTime, guarded, committed }
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
  const { inTime, guarded, committed } = guards(runner, signal)
  const nested = (members: object) => ({
    sessionId: session.sessionId,
    payload: { ...session, ...members },
  })
  return {
    query: (type) => inTime(() => currentQuery(agent, session, type)),
    modify(repositoryType, value) {
      const form = Array.isArray(value) ? 'list' : 'object'
      const modifications = { form, value, path: '/modifications' } as const
      const request = { repositoryType, modifications, announce: queryModified(agent) }
      const malformed = ofModify({ ...session, repositoryType, modifications: value })
      return committed('query.modify', malformed, () => modifyQuery(agent, actor, request))
    },
    revert(modificationId) {
      const announce = queryReverted(operatorId)
      return committed('query.revert', ofRevert({ ...session, modificationId }), () =>
        revertQuery(agent, actor, modificationId, announce),
      )
    },
    history: (range = {}) =>
      guarded('query.history', ofHistory({ ...range, ...session }), () =>
        queryHistory(agent, session, range),
      ),
    draft: (draft) =>
      guarded('change.create', undefined, () => draftChange(agent, actor, draft, besides)),
    change: (changeId) =>
      guarded(ANY_CHANGE, ofChange(nested({ changeId })), () =>
        oneChange(agent, session, changeId),
      ),
    changes: (options = {}) =>
      guarded(ANY_CHANGE, ofChanges(options), () => listChanges(agent, session, options, signal)),
    approve: (changeId) =>
      committed('change.approve', ofChange(nested({ changeId })), async () => {
        const approve = await approval(agent, actor, changeId)
        return approve instanceof Refusal ? approve : await approve()
      }),
    reject: (changeId, reason) =>
      committed('change.reject', ofReject(nested({ changeId, reason })), () =>
        rejectChange(agent, actor, { changeId, reason }),
      ),
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
