import type { Agent } from '../agent.ts'
import { ModifyRequest, QueryModifyRequest } from '../contract.ts'
import { type Modified, modifyQuery } from '../modifications.ts'
import { announced, type Operation } from './operation.ts'

/** What both ways of modifying announce: the same event, the same members. */
const announcement = (agent: Agent) => (entry: Modified) => ({
  success: true,
  message: agent.messages.success('modified'),
  modifiedQuery: entry.modifiedQuery,
  modificationId: entry.modificationId,
  repositoryType: entry.repositoryType,
  operatorId: entry.operatorId,
  timestamp: entry.timestamp,
})

/** `agent_modify_query`: modifications as an object, each member a `modify`. */
export const modify: Operation<typeof ModifyRequest> = {
  name: 'agent_modify_query',
  schema: ModifyRequest,
  permission: 'query.modify',
  perform({ agent, client, actor, payload }, to) {
    const { repositoryType, modifications } = payload.payload
    const at = { form: 'object', path: '/payload/modifications' } as const
    const request = { ...at, repositoryType, modifications, announce: announcement(agent) }
    return announced(client, to, () => modifyQuery(agent, actor, request))
  },
}

/** `agent_query_modify`: modifications as a list. */
export const queryModify: Operation<typeof QueryModifyRequest> = {
  name: 'agent_query_modify',
  schema: QueryModifyRequest,
  permission: 'query.modify',
  perform({ agent, client, actor, payload }, to) {
    const { repositoryType, modifications } = payload
    const at = { form: 'list', path: '/modifications' } as const
    const request = { ...at, repositoryType, modifications, announce: announcement(agent) }
    return announced(client, to, () => modifyQuery(agent, actor, request))
  },
}
