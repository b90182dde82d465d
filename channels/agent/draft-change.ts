import type { Actor, Agent } from './agent.ts'
import { CHANGES, changeRef, keptChange, shown } from './change.ts'
import { changeWith } from './commit.ts'
import type { Change } from './contract.ts'
import { noteExpiry } from './expire-changes.ts'
import { randomId } from './ids.ts'
import { nextEntry } from './journal.ts'
import { jsonBytes } from './json-bytes.ts'
import { invalid, Refusal, refusal } from './refusal.ts'
import { answerOf } from './repository/answer.ts'
import type { JsonRecord, RecordChange } from './repository/repository.ts'
import type { CommitPart } from './repository/transactional.ts'

const LIFETIME_MS = 24 * 3_600_000
/** JSON of a record, in UTF-8: a change, its events and its answers each repeat it, twice. */
const MAX_RECORD_BYTES = 131_072
/** What a session may keep of changes. */
const JOURNAL = { collection: CHANGES, prefix: 'chg', kept: 10_000 } as const

export interface Draft {
  readonly repositoryType: string
  readonly operation: RecordChange['operation']
  /** Generated for a create that has none. */
  readonly recordId?: string
  readonly data?: { readonly [field: string]: unknown }
}

const TOO_LARGE = invalid('/payload/parameters', [
  { path: '', problem: `make the record larger than ${MAX_RECORD_BYTES} bytes of JSON` },
])

/** What the record is to be: `data` merged at the top level, where null deletes a field. The id stays. */
function merged(before: JsonRecord, data: Draft['data']): JsonRecord {
  const fields = Object.entries({ ...before, ...data, id: before.id })
  return Object.fromEntries(fields.filter(([, value]) => value !== null)) as JsonRecord
}

/** The record after the change, where that fits what it is before it. */
function outcomeOf(
  { operation, recordId, data }: Draft & { readonly recordId: string },
  before: JsonRecord | null,
): JsonRecord | null | Refusal {
  if (operation === 'create' && before) return refusal('change_conflict')
  if (operation !== 'create' && !before) return refusal('unknown_record')
  if (operation === 'delete') return null
  const after = merged(before ?? { id: recordId }, data)
  return jsonBytes(after) > MAX_RECORD_BYTES ? TOO_LARGE : after
}

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
  const { repositoryType, operation } = draft
  const known = agent.repositories.get(repositoryType)
  if (!known) return refusal('unknown_repository')
  const recordId = draft.recordId ?? randomId('rec')
  // Before its turn in the session: a repository that hangs keeps nobody else waiting, and drafts nothing later.
  const found = await answerOf(
    known.repository.get(session.businessId, repositoryType, recordId),
    agent.applyMs,
    `get for a draft of ${repositoryType}`,
  )
  const outcome = await changeWith(besides, agent, actor, async () => {
    const next = await nextEntry(agent, session, JOURNAL)
    const before = found?.record ?? null
    const after = outcomeOf({ ...draft, recordId }, before)
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
