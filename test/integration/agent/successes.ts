import { expect } from 'chai'
import { type AgentClient, ok, type Payload, text } from '../../support/agent-client.ts'
import { type Success, VALID } from './scenario.ts'

const QUERY = { repository: 'appointments', filters: {}, fields: [], sort: {}, offset: 0 }
const ORIGINAL = { ...QUERY, limit: 100 }
const FIVE = { ...QUERY, limit: 5 }

/** The pending change of a draft that cancels the seed's first appointment. */
export async function draft(agent: AgentClient): Promise<string> {
  const parameters = {
    repositoryType: 'appointments',
    operation: 'update',
    recordId: 'apt_1',
    data: { status: 'cancelled' },
  }
  const { result } = ok(await agent.execute('create_draft', parameters))
  return text(result as Payload, 'changeId')
}

const APPOINTMENT = {
  id: 'apt_1',
  customerId: 'cus_1',
  serviceId: 'srv_1',
  date: '2026-12-01',
  time: '09:00',
  status: 'pending',
}

/** The change of `draft`, but for what is different at every run. */
function change(changeId: unknown, got: unknown) {
  const { createdAt, expiresAt, baseVersion } = got as Payload
  expect(Date.parse(String(expiresAt)) - Date.parse(String(createdAt))).to.equal(86_400_000)
  expect(baseVersion).to.be.greaterThan(0)
  return {
    changeId,
    repositoryType: 'appointments',
    operation: 'update',
    recordId: 'apt_1',
    before: APPOINTMENT,
    after: { ...APPOINTMENT, status: 'cancelled' },
    baseVersion,
    author: 'operator456',
    createdAt,
    expiresAt,
  }
}

const modified = ({ modificationId }: Payload) => {
  expect(modificationId).to.match(/^mod_\d{13}_[\w-]+$/)
  return { seq: 1, modifiedQuery: FIVE, modificationId, repositoryType: 'appointments' }
}

const about = (command: string, { commandId }: Payload) => {
  expect(commandId).to.match(/^cmd_[\w-]{16}$/)
  return { commandId, command }
}

/** Each operation's success, with the seed's fields and the contract's additions: these, and no others. */
export const SUCCESSES: readonly Success[] = [
  {
    title: 'agent_authenticate of a new session',
    operation: 'agent_authenticate',
    event: 'agent_authenticated',
    as: 'nobody',
    says: 'authenticated',
    payload: ({ agent }) => VALID.agent_authenticate(agent.who),
    answer: ({ epoch }) => {
      expect(epoch).to.match(/^[\w-]{22}$/)
      return { epoch, seq: 0 }
    },
  },
  {
    title: 'agent_authenticate of a client that comes back',
    operation: 'agent_authenticate',
    event: 'agent_authenticated',
    says: 'authenticated',
    async payload({ agent }) {
      const { epoch, seq } = ok(await agent.authenticate())
      await agent.event('agent_authenticated')
      await agent.event('agent_authenticated')
      const { operatorId, permissions } = agent.who
      return agent.nested({ operatorId, permissions, lastSeq: seq, epoch })
    },
    answer: ({ epoch }) => ({ epoch, seq: 0, recovered: true }),
  },
  {
    title: 'agent_execute_command for the requester',
    operation: 'agent_execute_command',
    event: 'agent_command_result',
    says: 'executed',
    payload: ({ agent }) => agent.nested({ command: 'echo', parameters: { value: ['ă', 1] } }),
    answer: (got) => ({ ...about('echo', got), result: { value: ['ă', 1] } }),
  },
  {
    title: 'agent_execute_command for the session',
    operation: 'agent_execute_command',
    event: 'agent_command_result',
    says: 'executed',
    payload: ({ agent }) => agent.nested({ command: 'announce', parameters: {} }),
    answer: (got) => ({ ...about('announce', got), result: {}, seq: 1 }),
  },
  {
    title: 'agent_cancel_command',
    operation: 'agent_cancel_command',
    event: 'agent_command_cancelled',
    says: 'cancelled',
    payload({ agent }) {
      const waits = { command: 'pass', parameters: { name: 'never' }, commandId: 'c1' }
      agent.send('agent_execute_command', agent.nested(waits))
      return { sessionId: agent.who.sessionId, payload: { commandId: 'c1' } }
    },
    answer: () => ({ commandId: 'c1', command: 'pass' }),
  },
  {
    title: 'agent_modify_query',
    operation: 'agent_modify_query',
    event: 'agent_query_modified',
    says: 'modified',
    payload: ({ agent }) => VALID.agent_modify_query(agent.who),
    answer: modified,
  },
  {
    title: 'agent_query_modify',
    operation: 'agent_query_modify',
    event: 'agent_query_modified',
    says: 'modified',
    payload: ({ agent }) => VALID.agent_query_modify(agent.who),
    answer: modified,
  },
  {
    title: 'agent_query_revert',
    operation: 'agent_query_revert',
    event: 'agent_query_reverted',
    async payload({ agent }) {
      const { modificationId } = ok(await agent.modifyQuery('appointments', { limit: 5 }))
      return { sessionId: agent.who.sessionId, modificationId }
    },
    answer: ({ modificationId }) => ({
      seq: 2,
      originalQuery: ORIGINAL,
      modificationId,
      repositoryType: 'appointments',
    }),
  },
  {
    title: 'agent_query_history',
    operation: 'agent_query_history',
    event: 'agent_query_history',
    async payload({ agent }) {
      ok(await agent.modifyQuery('appointments', { limit: 5 }))
      return { sessionId: agent.who.sessionId }
    },
    answer: ({ history }) => {
      const [{ modificationId, timestamp } = {}] = history as readonly Payload[]
      const modifications = [{ field: 'limit', operation: 'modify', value: 5 }]
      const made = { originalQuery: ORIGINAL, modifications, modifiedQuery: FIVE }
      const by = { repositoryType: 'appointments', status: 'active', operatorId: 'operator456' }
      return { history: [{ ...made, modificationId, timestamp, ...by }] }
    },
  },
  {
    title: 'agent_approve_changes',
    operation: 'agent_approve_changes',
    event: 'agent_changes_approved',
    says: 'approved',
    payload: async ({ agent }) => agent.nested({ changeId: await draft(agent) }),
    answer: ({ changeId, change: got, timestamp }) => ({
      seq: 3,
      changeId,
      change: {
        ...change(changeId, got),
        status: 'approved',
        decidedBy: 'operator456',
        decidedAt: timestamp,
      },
    }),
  },
  {
    title: 'agent_reject_changes',
    operation: 'agent_reject_changes',
    event: 'agent_changes_rejected',
    says: 'rejected',
    payload: async ({ agent }) =>
      agent.nested({ changeId: await draft(agent), reason: 'nu e nevoie' }),
    answer: ({ changeId, change: got, timestamp }) => ({
      seq: 3,
      changeId,
      change: {
        ...change(changeId, got),
        status: 'rejected',
        reason: 'nu e nevoie',
        decidedBy: 'operator456',
        decidedAt: timestamp,
      },
    }),
  },
]
