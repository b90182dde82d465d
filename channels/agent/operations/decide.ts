import { ApproveRequest, RejectRequest } from '../contract.ts'
import { approval, rejectChange } from '../decide-change.ts'
import { Refusal } from '../refusal.ts'
import { announced, type Operation } from './operation.ts'

/** `agent_approve_changes`: applies a pending change. */
export const approve: Operation<typeof ApproveRequest> = {
  name: 'agent_approve_changes',
  schema: ApproveRequest,
  permission: 'change.approve',
  async perform({ agent, client, actor, payload }, to) {
    // Meanwhile the session's events go on.
    const approve = await approval(agent, actor, payload.payload.changeId)
    return approve instanceof Refusal ? approve : await announced(client, to, approve)
  },
}

/** `agent_reject_changes`: with a reason, for good. */
export const reject: Operation<typeof RejectRequest> = {
  name: 'agent_reject_changes',
  schema: RejectRequest,
  permission: 'change.reject',
  perform: ({ agent, client, actor, payload }, to) =>
    announced(client, to, () => rejectChange(agent, actor, payload.payload)),
}
