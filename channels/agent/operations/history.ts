import { QueryHistoryRequest } from '../contract.ts'
import { queryHistory } from '../modifications.ts'
import type { Operation } from './operation.ts'

/** `agent_query_history`: the newest modifications, oldest of them first. */
export const history: Operation<typeof QueryHistoryRequest> = {
  name: 'agent_query_history',
  schema: QueryHistoryRequest,
  permission: 'query.history',
  async perform({ agent, client, actor, payload }, to) {
    client.succeed(to, 'agent_query_history', {
      success: true,
      history: await queryHistory(agent, actor.session, payload),
      operatorId: actor.operatorId,
      timestamp: new Date(agent.now()).toISOString(),
    })
    return undefined
  },
}
