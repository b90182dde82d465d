import { QueryRevertRequest } from '../contract.ts'
import { revertQuery } from '../modifications.ts'
import { queryReverted } from '../query-events.ts'
import { announced, type Operation } from './operation.ts'

/** `agent_query_revert`: the query as it was before a modification. */
export const revert: Operation<typeof QueryRevertRequest> = {
  name: 'agent_query_revert',
  schema: QueryRevertRequest,
  permission: 'query.revert',
  perform({ agent, client, actor, payload }, to) {
    const announce = queryReverted(actor.operatorId)
    return announced(client, to, () => revertQuery(agent, actor, payload.modificationId, announce))
  },
}
