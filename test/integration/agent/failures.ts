import { ERROR_EVENTS, type Operation } from '../../../channels/agent/contract.ts'
import { type AgentClient, ok } from '../../support/agent-client.ts'
import { COMMAND_FAILURES } from './failures-of-commands.ts'
import { ABOUT, type Failure, type Stage, VALID } from './scenario.ts'
import { draft } from './successes.ts'

const DAY_MS = 86_400_000
const OPERATIONS = Object.keys(ERROR_EVENTS) as readonly Operation[]

/** What can go wrong with every operation. */
const everywhere: readonly Failure[] = OPERATIONS.flatMap((operation) => {
  const event = ERROR_EVENTS[operation]
  const valid = VALID[operation]
  const common = { operation, event }
  return [
    {
      ...common,
      title: `${operation} without its members`,
      code: 'invalid_payload',
      details: [''],
      payload: () => ({}),
    },
    {
      ...common,
      title: `${operation} for another session`,
      code: 'session_mismatch',
      about: ABOUT[operation],
      payload: ({ agent }) => ({ ...valid(agent.who), sessionId: 'session456' }),
    },
  ] satisfies Failure[]
})

/** Every operation but the one that gives rights. */
const guarded: readonly Failure[] = OPERATIONS.filter(
  (operation) => operation !== 'agent_authenticate',
).flatMap((operation) => {
  const common = { operation, event: ERROR_EVENTS[operation], about: ABOUT[operation] }
  const payload = ({ agent }: Stage) => VALID[operation](agent.who)
  return [
    {
      ...common,
      title: `${operation} of nobody`,
      as: 'nobody',
      about: operation === 'agent_execute_command' ? {} : ABOUT[operation],
      code: 'not_authenticated',
      payload,
    },
    {
      ...common,
      title: `${operation} without the right to it`,
      as: { permissions: ['session.open'] },
      code: 'permission_denied',
      payload,
    },
  ] satisfies Failure[]
})

/** Every operation but commands, which need not use the store. */
const closed: readonly Failure[] = OPERATIONS.filter(
  (operation) => operation !== 'agent_execute_command',
).map((operation) => ({
  title: `${operation} on a store that is closed`,
  operation,
  event: ERROR_EVENTS[operation],
  code: 'unavailable',
  about: ABOUT[operation],
  async payload({ agent, server }) {
    await server.app.close()
    return VALID[operation](agent.who)
  },
}))

const cancellations: readonly Failure[] = [
  {
    title: 'agent_cancel_command of a command that nobody runs',
    operation: 'agent_cancel_command',
    event: 'agent_command_error',
    code: 'unknown_command',
    about: ABOUT.agent_cancel_command,
    payload: ({ agent }) => VALID.agent_cancel_command(agent.who),
  },
  {
    title: 'agent_cancel_command of a command of another business',
    operation: 'agent_cancel_command',
    event: 'agent_command_error',
    code: 'session_mismatch',
    about: ABOUT.agent_cancel_command,
    payload: ({ agent }) => agent.nested({ commandId: 'cmd_1', businessId: 'business456' }),
  },
]

const authenticating = {
  operation: 'agent_authenticate',
  event: 'agent_auth_error',
  as: 'nobody',
} as const

const authentications: readonly Failure[] = [
  {
    ...authenticating,
    title: 'agent_authenticate with a permission that does not exist',
    code: 'invalid_payload',
    details: ['/payload/permissions/1'],
    payload: ({ agent }) =>
      agent.nested({ operatorId: 'o', permissions: ['agent_access', 'everything'] }),
  },
  {
    ...authenticating,
    title: 'agent_authenticate without the right to open a session',
    code: 'permission_denied',
    payload: ({ agent }) => agent.nested({ operatorId: 'o', permissions: ['data_query'] }),
  },
]

const unknownRepository = { code: 'unknown_repository', event: 'agent_query_error' } as const

const queries: readonly Failure[] = [
  {
    ...unknownRepository,
    title: 'agent_modify_query of an unknown repository',
    operation: 'agent_modify_query',
    payload: ({ agent }) =>
      agent.nested({ repositoryType: 'constructor', modifications: { limit: 1 } }),
  },
  {
    ...unknownRepository,
    title: 'agent_query_modify of an unknown repository',
    operation: 'agent_query_modify',
    payload: ({ agent }) => ({
      ...VALID.agent_query_modify(agent.who),
      repositoryType: 'toString',
    }),
  },
  {
    title: 'agent_query_revert of an unknown modification',
    operation: 'agent_query_revert',
    event: 'agent_revert_error',
    code: 'unknown_modification',
    payload: ({ agent }) => VALID.agent_query_revert(agent.who),
  },
  {
    title: 'agent_query_revert a second time',
    operation: 'agent_query_revert',
    event: 'agent_revert_error',
    code: 'already_reverted',
    async payload({ agent }) {
      const { modificationId } = ok(await agent.modifyQuery('appointments', { limit: 5 }))
      ok(await agent.revert(modificationId))
      return { sessionId: agent.who.sessionId, modificationId }
    },
  },
]

/** A draft that somebody else has approved. */
async function decided(agent: AgentClient): Promise<string> {
  const changeId = await draft(agent)
  ok(await agent.approve(changeId))
  return changeId
}

/** A draft whose day is over. */
async function expired({ agent, advance }: Stage): Promise<string> {
  const changeId = await draft(agent)
  advance(DAY_MS)
  return changeId
}

const decisions: readonly Failure[] = (
  ['agent_approve_changes', 'agent_reject_changes'] as const
).flatMap((operation) => {
  const common = { operation, event: ERROR_EVENTS[operation] }
  const of = (agent: AgentClient, changeId: string) => agent.nested({ changeId, reason: 'no' })
  return [
    {
      ...common,
      title: `${operation} of an unknown change`,
      code: 'unknown_change',
      payload: ({ agent }) => of(agent, 'chg_1'),
    },
    {
      ...common,
      title: `${operation} of a change that is decided`,
      code: 'already_decided',
      payload: async ({ agent }) => of(agent, await decided(agent)),
    },
    {
      ...common,
      title: `${operation} of a change that has expired`,
      code: 'change_expired',
      payload: async (stage) => of(stage.agent, await expired(stage)),
    },
  ] satisfies Failure[]
})

const conflict: Failure = {
  title: 'agent_approve_changes of a record that has changed',
  operation: 'agent_approve_changes',
  event: 'agent_approval_error',
  code: 'change_conflict',
  async payload({ agent }) {
    const changeId = await draft(agent)
    await decided(agent)
    return agent.nested({ changeId })
  },
}

/** Every way in which an operation can fail. */
export const FAILURES: readonly Failure[] = [
  ...everywhere,
  ...guarded,
  ...closed,
  ...cancellations,
  ...authentications,
  ...COMMAND_FAILURES,
  ...queries,
  ...decisions,
  conflict,
]
