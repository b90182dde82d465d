import type { Agent } from '../agent.ts'
import { keptChange, readChange, shown } from '../change.ts'
import { draftChange } from '../draft-change.ts'
import { listChanges } from '../list-changes.ts'
import { currentQuery } from '../modifications.ts'
import type { Permission } from '../permissions.ts'
import { refusal } from '../refusal.ts'
import type { SessionKey } from '../store/store.ts'
import type { CommandContext } from './command.ts'

/** Who runs a command, with what rights. */
export interface Runner {
  readonly session: SessionKey
  readonly operatorId: string
  readonly permissions: ReadonlySet<Permission>
}

/** What a running command can see and do. */
export function commandContext(agent: Agent, runner: Runner, signal: AbortSignal): CommandContext {
  const { session, operatorId, permissions } = runner
  const actor = { session, operatorId }
  return {
    ...session,
    operatorId,
    permissions,
    signal,
    refuse: refusal,
    repository: (type) => agent.repositories.get(type)?.repository,
    currentQuery: (type) => currentQuery(agent, session, type),
    createDraft: (draft) => draftChange(agent, actor, draft),
    listChanges: (options) => listChanges(agent, session, options),
    async getChange(changeId) {
      const [document, now] = await readChange(agent, session, changeId)
      return document ? shown(keptChange(document), now) : refusal('unknown_change')
    },
  }
}
