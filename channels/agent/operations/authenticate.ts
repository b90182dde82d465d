import type { Claims } from '../../../server/index.ts'
import type { Agent } from '../agent.ts'
import type { Identity } from '../attendance.ts'
import type { Client, Return } from '../client.ts'
import { type AuthenticateRequest, ERROR_EVENTS } from '../contract.ts'
import { expand, isPermission } from '../permissions.ts'
import { invalid, type Refusal, refusal } from '../refusal.ts'
import type { SessionHead } from '../store/store.ts'
import { agrees, failure } from './operation.ts'

type Credentials = AuthenticateRequest['payload']

/** What the schema cannot say. */
function malformed({ permissions, lastSeq, epoch }: Credentials): Refusal | undefined {
  const unknown = permissions.findIndex((name) => !isPermission(name))
  if (unknown !== -1) {
    const path = `/permissions/${unknown}`
    return invalid('/payload', [{ path, problem: 'is not a permission' }])
  }
  if ((lastSeq === undefined) === (epoch === undefined)) return undefined
  const path = lastSeq === undefined ? '/lastSeq' : '/epoch'
  return invalid('/payload', [{ path, problem: 'lastSeq and epoch come together' }])
}

/** Who the client may be, by its token where there is one; in open mode who it says it is. */
function identify(credentials: Credentials, claims: Claims | undefined): Identity | Refusal {
  const { businessId, operatorId } = credentials
  const permissions = expand(credentials.permissions)
  if (!permissions.has('session.open')) return refusal('permission_denied')
  if (!claims) return { operatorId, permissions }
  const granted = expand(claims.permissions)
  const isOwn = claims.businessId === businessId && claims.operatorId === operatorId
  const isGranted = [...permissions].every((permission) => granted.has(permission))
  return isOwn && isGranted ? { operatorId, permissions } : refusal('permission_denied')
}

/** Whether the client's claim to have everything up to `lastSeq` can be completed from what is kept. */
function recoverable(head: SessionHead, lastSeq: number, epoch: string | undefined): boolean {
  return epoch === head.epoch && lastSeq <= head.seq && lastSeq + 1 >= head.oldestSeq
}

/** A failed one leaves the former identity in place. Never rejects. */
export async function authenticate(
  agent: Agent,
  client: Client,
  request: AuthenticateRequest,
): Promise<void> {
  const to = client.returnAddress()
  const refused = check(agent, client, request)
  if ('code' in refused) {
    client.fail(to, ERROR_EVENTS.agent_authenticate, refused)
    return
  }
  const credentials = request.payload
  // It listens before the head is read: an event is either counted in that, or heard.
  const { feed } = client
  const open = async () => {
    await feed.ready
    const head = await agent.store.open(client.session)
    // Meanwhile its token may have expired.
    if (!client.expired) welcome(agent, client, to, credentials, refused, head)
    else client.fail(to, ERROR_EVENTS.agent_authenticate, refusal('session_expired'))
  }
  try {
    // While a client says from where it needs events, none are sent to it: it will get them all.
    await (credentials.lastSeq === undefined ? open() : feed.after(open))
  } catch (error) {
    client.fail(to, ERROR_EVENTS.agent_authenticate, failure(agent, error))
  }
}

function check(agent: Agent, client: Client, request: AuthenticateRequest): Identity | Refusal {
  const credentials = request.payload
  const found =
    malformed(credentials) ??
    (agrees(client, request) ? undefined : refusal('session_mismatch')) ??
    (client.expired ? refusal('session_expired') : undefined) ??
    identify(credentials, client.claims)
  if ('code' in found) return found
  const isAdmitted = agent.operations.admits(client.session, found.operatorId, agent.now())
  return isAdmitted ? found : refusal('rate_limited')
}

/** Reply, `agent_authenticated`, then the kept events that the client lacks, then what is new (contract 9). */
function welcome(
  agent: Agent,
  client: Client,
  to: Return,
  { lastSeq, epoch }: Credentials,
  identity: Identity,
  head: SessionHead,
): void {
  const recovered = lastSeq === undefined ? undefined : recoverable(head, lastSeq, epoch)
  client.succeed(to, 'agent_authenticated', {
    success: true,
    message: agent.messages.success('authenticated'),
    operatorId: identity.operatorId,
    timestamp: new Date(agent.now()).toISOString(),
    epoch: head.epoch,
    seq: head.seq,
    ...(recovered !== undefined && { recovered }),
  })
  client.authenticated(identity)
  const { feed } = client
  const attend = () => client.attend()
  if (lastSeq !== undefined) feed.start(head.epoch, recovered ? lastSeq : 'oldest', true, attend)
  else if (!feed.isStarted) feed.start(head.epoch, head.seq, false, attend)
  else attend()
}
