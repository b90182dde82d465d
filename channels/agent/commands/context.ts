import type { Agent } from '../agent.ts'
import { CHANGES, keptChange, readChange, shown } from '../change.ts'
import { draftChange } from '../draft-change.ts'
import { currentQuery } from '../modifications.ts'
import type { Permission } from '../permissions.ts'
import { refusal } from '../refusal.ts'
import type { SessionKey } from '../store/store.ts'
import type { CommandContext, ListChanges } from './command.ts'

const DEFAULT_LIMIT = 100
const PAGE = 200

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

/** `next` is the id to go on after, null at the end. */
async function listChanges(agent: Agent, session: SessionKey, options: ListChanges) {
  const { status, limit = DEFAULT_LIMIT } = options
  const now = await agent.store.now(session)
  const found = []
  let { after } = options
  for (;;) {
    const range = { limit: PAGE, ...(after !== undefined && { after }) }
    const page = await agent.store.list(session, CHANGES, range)
    for (const document of page) {
      const change = shown(keptChange(document), now)
      if (status !== undefined && change.status !== status) continue
      if (found.length === limit) return { changes: found, next: found.at(-1)?.changeId ?? null }
      found.push(change)
    }
    after = page.at(-1)?.id
    if (page.length < PAGE) return { changes: found, next: null }
  }
}
