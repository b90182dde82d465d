import { type HistoryEntry, QueryRevertRequest, type Unnumbered } from '../contract.ts'
import { revertQuery } from '../modifications.ts'
import { announced, type Operation } from './operation.ts'

/** `agent_query_revert`: the query as it was before a modification. */
export const revert: Operation<typeof QueryRevertRequest> = {
  name: 'agent_query_revert',
  schema: QueryRevertRequest,
  permission: 'query.revert',
  perform({ agent, client, actor, payload }, to) {
    const announce = (
      { originalQuery, modificationId, repositoryType }: HistoryEntry,
      now: number,
    ): Unnumbered<'agent_query_reverted'> => ({
      success: true,
      originalQuery,
      modificationId,
      repositoryType,
      operatorId: actor.operatorId,
      timestamp: new Date(now).toISOString(),
    })
    return announced(client, to, () => revertQuery(agent, actor, payload.modificationId, announce))
  },
}
