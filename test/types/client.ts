/**
 * Compile-only: each @ts-expect-error must hit the very next line, so every wrong thing stands alone on a
 * line of its own. The type check fails where one of them is no error any more.
 */
import { Socket } from 'phoenix'
import {
  AgentError,
  AgentSession,
  type Change,
  type ErrorCode,
  type Permission,
} from '../../client/agent/index.ts'

const socket = new Socket('ws://localhost:3000/socket')
const options = {
  sessionId: 's1',
  businessId: 'b1',
  operatorId: 'o1',
  permissions: ['agent_access', 'query.modify'],
} as const
const session = await AgentSession.open(socket, options)

// ---- opening ----

await AgentSession.open(socket, { ...options, resume: session.position, timeoutMs: 1_000 })

// @ts-expect-error the business is missing
await AgentSession.open(socket, { sessionId: 's1', operatorId: 'o1', permissions: [] })

// @ts-expect-error no such permission
await AgentSession.open(socket, { ...options, permissions: ['agent_acces'] })

// @ts-expect-error sessions are opened
new AgentSession(socket, options)

// ---- operations ----

const { result } = await session.execute<{ readonly total: number }>('run_query', {})
result.total satisfies number

const unknown = await session.execute('run_query')
// @ts-expect-error what a result is has to be said
unknown.result.total

await session.execute('run_query', {}, { commandId: 'mine', timeoutMs: 1_000 })
const cancelled = await session.cancel('mine')
cancelled.command satisfies string

// @ts-expect-error a name is text
await session.execute('run_query', {}, { commandId: 7 })

const modified = await session.modifyQuery('services', [
  { field: 'limit', operation: 'modify', value: 5 },
])
modified.modifiedQuery.limit satisfies number
await session.modifyQuery('services', { sort: { name: 'asc' }, filters: { price: { gt: 5 } } })

// @ts-expect-error no such operation
await session.modifyQuery('services', [{ field: 'limit', operation: 'set', value: 5 }])

// @ts-expect-error no such direction
await session.modifyQuery('services', { sort: { name: 'up' } })

// @ts-expect-error no such member
await session.modifyQuery('services', { where: {} })

const { change } = await session.approve('chg_1')
change satisfies Change
change.status satisfies 'pending' | 'approved' | 'rejected' | 'expired'

// @ts-expect-error a rejection needs a reason
await session.reject('chg_1')

const { history } = await session.history({ limit: 1, before: 'mod_1' })
history[0]?.status satisfies 'active' | 'reverted' | undefined

// @ts-expect-error no such option
await session.history({ after: 'mod_1' })

// @ts-expect-error the answer has no such member
;(await session.revert('mod_1')).modifiedQuery

// ---- events ----

const off = session.on('agent_query_modified', (event) => {
  event.seq satisfies number
  event.modifiedQuery.filters satisfies object
  // @ts-expect-error no such member
  event.originalQuery
})
off()
session.on('agent_command_error', ({ code, commandId }) => {
  code satisfies ErrorCode
  commandId satisfies string | undefined
})
session.on('agent_command_progress', ({ commandId, step, progress }) => {
  commandId satisfies string
  step satisfies number
  // @ts-expect-error what it says has to be looked at
  progress.percent
})
session.on('operators', (operators) => {
  operators[0]?.metas[0]?.permissions satisfies readonly Permission[] | undefined
})
session.on('status', ({ status, error }) => {
  error satisfies AgentError | undefined
  // @ts-expect-error no such status
  status === 'open'
})

// @ts-expect-error no such event
session.on('agent_query_modifed', () => {})

// ---- errors ----

try {
  await session.reauthenticate({ permissions: ['data_query'] })
} catch (error) {
  if (error instanceof AgentError) {
    if (error.code === 'not_sent') error.details satisfies readonly { readonly path: string }[]
    // @ts-expect-error no such code
    error.code === 'timeout'
  }
}
