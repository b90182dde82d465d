/** The commands that every server has (contract 6). */
import { Type as T } from '@sinclair/typebox'
import { Reference } from '../contract.ts'
import { DraftParameters } from '../draft.ts'
import { jsonBytes } from '../json-bytes.ts'
import { ListChangesParameters } from '../list-changes.ts'
import { ANY_CHANGE } from '../permissions.ts'
import { TooMuchFound } from '../query/find.ts'
import { PAGE_BYTES } from '../store/store.ts'
import { type Command, defineCommand } from './command.ts'

const TIMEOUT_MS = 10_000

const runQuery = defineCommand({
  name: 'run_query',
  description: 'Finds the records of the session’s current query',
  permission: 'record.read',
  audience: 'requester',
  parameters: T.Object({ repositoryType: Reference }),
  timeoutMs: TIMEOUT_MS,
  atomic: true,
  async run(context, { repositoryType }) {
    const repository = context.repository(repositoryType)
    if (!repository) return context.refuse('unknown_repository')
    const query = await context.session.query(repositoryType)
    const found = await answerable(repository.find(context.businessId, query, context.signal))
    return found ?? context.refuse('invalid_payload', [TOO_MUCH_FOUND])
  },
})

const TOO_MUCH_FOUND = {
  path: '/payload/parameters/repositoryType',
  problem: 'its query finds too much at once: set a smaller limit or offset, or fewer fields',
}

/** What is found, where one answer may hold it. */
async function answerable<Found>(finding: Promise<Found>): Promise<Found | undefined> {
  try {
    const found = await finding
    return jsonBytes(found) > PAGE_BYTES ? undefined : found
  } catch (error) {
    if (error instanceof TooMuchFound) return undefined
    throw error
  }
}

const createDraft = defineCommand({
  name: 'create_draft',
  description: 'Proposes a change of one record, to be approved or rejected',
  permission: 'change.create',
  audience: 'session',
  parameters: DraftParameters,
  timeoutMs: TIMEOUT_MS,
  atomic: true,
  run: (context, draft) => context.session.draft(draft),
})

const listChanges = defineCommand({
  name: 'list_changes',
  description: 'Lists the session’s changes, oldest first',
  permission: ANY_CHANGE,
  audience: 'requester',
  parameters: ListChangesParameters,
  timeoutMs: TIMEOUT_MS,
  atomic: true,
  run: (context, options) => context.session.changes(options),
})

const getChange = defineCommand({
  name: 'get_change',
  description: 'One change, with what the record was and what it is to be',
  permission: ANY_CHANGE,
  audience: 'requester',
  parameters: T.Object({ changeId: Reference }),
  timeoutMs: TIMEOUT_MS,
  atomic: true,
  run: (context, { changeId }) => context.session.change(changeId),
})

const listed = ({ name, description, permission = null, audience, parameters }: Command) => ({
  name,
  description,
  permission,
  audience,
  parameters,
})

/** `list_commands` tells of all commands, the given ones and itself included. */
export function withBuiltins(others: readonly Command[]): readonly Command[] {
  const commands = [runQuery, createDraft, listChanges, getChange, ...others]
  const listCommands: Command = {
    name: 'list_commands',
    description: 'Lists the commands of this server',
    audience: 'requester',
    parameters: T.Object({}),
    timeoutMs: TIMEOUT_MS,
    atomic: true,
    run: () => ({ commands: [listCommands, ...commands].map(listed) }),
  }
  return [listCommands, ...commands]
}
