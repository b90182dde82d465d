import type { Static, TObject } from '@sinclair/typebox'
import type { Actor, Agent } from '../agent.ts'
import type { Identity } from '../attendance.ts'
import type { About, Client, Return } from '../client.ts'
import { ERROR_EVENTS, type Operation as Name } from '../contract.ts'
import { allows, type Permission } from '../permissions.ts'
import { Refusal, refusal } from '../refusal.ts'
import { type SessionEvent, StoreUnavailable } from '../store/store.ts'

/** A request that has passed its shape, its ids, authentication and the operation's own right. */
export interface Request<P> {
  readonly agent: Agent
  readonly client: Client
  readonly actor: Actor
  readonly identity: Identity
  readonly payload: P
}

/** One operation of an authenticated agent. */
export interface Operation<S extends TObject = TObject> {
  readonly name: Exclude<Name, 'agent_authenticate'>
  readonly schema: S
  readonly permission: Permission
  /** What is wrong with a request's shape and its schema cannot say. */
  malformed?(payload: Static<S>): Refusal | undefined
  /** Which command it is about: its errors tell. What exists is not for somebody who is nobody yet. */
  about?(payload: Static<S>, identity: Identity | undefined): About
  /** Does it, and answers success by itself; what it returns is answered as the operation's error. */
  perform(request: Request<Static<S>>, to: Return): Promise<Refusal | undefined>
}

/** The ids in a request: of the session in both places, of the business in the nested one; some leave these out. */
interface Ids {
  readonly sessionId: string
  readonly payload: { readonly sessionId?: string; readonly businessId?: string }
}

/** Ids agree with each other, with the topic and with the join. */
export function agrees({ session }: Client, { sessionId, payload }: Ids): boolean {
  return (
    sessionId === session.sessionId &&
    (payload.sessionId ?? sessionId) === session.sessionId &&
    (payload.businessId ?? session.businessId) === session.businessId
  )
}

/** As `agrees`, also for a request of the flat form: a `payload` in that is a member that nobody knows. */
function agreesInEitherForm(client: Client, { schema }: Operation, request: unknown): boolean {
  if ('payload' in schema.properties) return agrees(client, request as Ids)
  return (request as Pick<Ids, 'sessionId'>).sessionId === client.session.sessionId
}

/** Unexpected failures: the store's, or our own. */
export function failure(agent: Agent, error: unknown): Refusal {
  agent.onError(error)
  return refusal(error instanceof StoreUnavailable ? 'unavailable' : 'internal')
}

/** Checks in the contract's order (5.4), then performs. Never rejects. */
export async function handle<S extends TObject>(
  agent: Agent,
  client: Client,
  operation: Operation<S>,
  payload: Static<S>,
): Promise<void> {
  const to = client.returnAddress()
  const refuse = (refused: Refusal) =>
    client.fail(
      to,
      ERROR_EVENTS[operation.name],
      refused,
      operation.about?.(payload, client.identity),
    )
  const malformed = operation.malformed?.(payload)
  if (malformed) return refuse(malformed)
  if (!agreesInEitherForm(client, operation, payload)) return refuse(refusal('session_mismatch'))
  const { identity } = client
  if (!identity) return refuse(refusal('not_authenticated'))
  if (client.expired) return refuse(refusal('session_expired'))
  if (!allows(identity.permissions, operation.permission)) {
    return refuse(refusal('permission_denied'))
  }
  const actor: Actor = { session: client.session, operatorId: identity.operatorId }
  if (!agent.operations.admits(actor.session, actor.operatorId, agent.now())) {
    return refuse(refusal('rate_limited'))
  }
  try {
    const refused = await operation.perform({ agent, client, actor, identity, payload }, to)
    if (refused) refuse(refused)
  } catch (error) {
    refuse(failure(agent, error))
  }
}

/** The payload of a numbered event, as it is kept: what the reply carries, too. */
const payloadOf = (event: SessionEvent | undefined): object =>
  event ? (JSON.parse(event.json) as object) : {}

/** Replies with what a committed change of the session announces; the event itself follows through the feed. */
export async function announced(
  client: Client,
  to: Return,
  commit: () => Promise<{ readonly event: SessionEvent | undefined } | Refusal>,
): Promise<Refusal | undefined> {
  let refused: Refusal | undefined
  await client.answerFirst(async () => {
    const outcome = await commit()
    if (outcome instanceof Refusal) refused = outcome
    else if (to.ref) client.reply(to, payloadOf(outcome.event))
  })
  return refused
}
