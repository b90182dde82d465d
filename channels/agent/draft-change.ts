import type { Actor, Agent } from './agent.ts'
import { changeRef } from './change.ts'
import { change as changeState } from './commit.ts'
import type { Change } from './contract.ts'
import { noteExpiry } from './expire-changes.ts'
import { randomId, timedId } from './ids.ts'
import { Refusal, refusal } from './refusal.ts'
import type { Record as JsonRecord, RecordChange } from './repository/repository.ts'
import type { DocumentRef } from './store/store.ts'

const LIFETIME_MS = 24 * 3_600_000
const LOG: DocumentRef = { scope: 'session', name: 'log', id: 'changes' }

export interface Draft {
  readonly repositoryType: string
  readonly operation: RecordChange['operation']
  /** Generated for a create that has none. */
  readonly recordId?: string
  readonly data?: { readonly [field: string]: unknown }
}

/** What the record is to be: `data` merged at the top level, where null deletes a field. The id stays. */
function merged(before: JsonRecord, data: Draft['data']): JsonRecord {
  const fields = Object.entries({ ...before, ...data, id: before.id })
  return Object.fromEntries(fields.filter(([, value]) => value !== null)) as JsonRecord
}

/** Keeps a pending change and announces it to the session with `agent_change_pending` (contract 8). */
export async function draftChange(
  agent: Agent,
  { session, operatorId }: Actor,
  draft: Draft,
): Promise<Change | Refusal> {
  const { repositoryType, operation, data } = draft
  const known = agent.repositories.get(repositoryType)
  if (!known) return refusal('unknown_repository')
  const recordId = draft.recordId ?? randomId('rec')
  const outcome = await changeState(agent, session, async () => {
    const [found, log, now] = await Promise.all([
      known.repository.get(session.businessId, repositoryType, recordId),
      agent.store.get(session, LOG),
      agent.store.now(session),
    ])
    if (operation === 'create' && found) return refusal('change_conflict')
    if (operation !== 'create' && !found) return refusal('unknown_record')
    const before = found?.record ?? null
    const { id, ms } = timedId('chg', now, (log?.value as number | undefined) ?? 0)
    const change: Change = {
      changeId: id,
      repositoryType,
      operation,
      recordId,
      before,
      after: operation === 'delete' ? null : merged(before ?? { id: recordId }, data),
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
        expect: [{ ref: LOG, version: log?.version ?? 0 }],
        put: [
          { ref: changeRef(id), value: change },
          { ref: LOG, value: ms },
        ],
        event: { event: 'agent_change_pending', payload: { success: true, change } },
      },
    }
  })
  return outcome instanceof Refusal ? outcome : outcome.result
}
