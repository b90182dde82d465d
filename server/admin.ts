/** What an operator of the server may tell it: `POST /admin/…` with the admin token. */
import { type Claims, isId, operatorSocketId } from './auth/claims.ts'
import type { Logger } from './logger.ts'
import { Broadcast } from './protocol/broadcast.ts'
import { DISCONNECT_EVENT } from './protocol/message.ts'
import type { PubSub } from './pubsub/pubsub.ts'
import type { Telemetry } from './telemetry.ts'
import { bearerCheck, UNAUTHORIZED } from './transport/bearer.ts'
import { httpError, type PostRoute } from './transport/http.ts'

type Operator = Pick<Claims, 'businessId' | 'operatorId'>

export interface AdminOptions {
  /** Undefined: there are no such routes. */
  readonly adminToken: string | undefined
  readonly pubsub: Pick<PubSub, 'publish'>
  readonly logger: Logger
  readonly telemetry: Pick<Telemetry, 'warned'>
}

/** Undefined for anything but the ids of an operator. */
function operatorOf(body: Buffer): Operator | undefined {
  try {
    const { businessId, operatorId } = JSON.parse(body.toString()) ?? {}
    return isId(businessId) && isId(operatorId) ? { businessId, operatorId } : undefined
  } catch {
    return undefined
  }
}

/** When Redis, in an outage, has not said within seconds that it has the message. */
const UNSURE = httpError(503, 'other nodes may not have been reached: ask again')

/** `POST /admin/disconnect` `{businessId, operatorId}` ends every socket of the operator, on every node. */
export function adminRoutes(options: AdminOptions): ReadonlyMap<string, PostRoute> {
  const { adminToken, pubsub, logger, telemetry } = options
  if (adminToken === undefined) return new Map()
  const isAdmin = bearerCheck(adminToken)
  const disconnect: PostRoute = async (request, body) => {
    if (!isAdmin(request)) {
      telemetry.warned.publish({ message: 'an admin request without the admin token' })
      return UNAUTHORIZED
    }
    const operator = operatorOf(body)
    if (!operator) return httpError(400, 'businessId and operatorId: 1 to 256 bytes of text each')
    const broadcast = new Broadcast(operatorSocketId(operator), DISCONNECT_EVENT, {})
    const isSent = await new Promise<boolean>((onSent) => pubsub.publish(broadcast, { onSent }))
    logger.info({ ...operator, everywhere: isSent }, 'an operator is disconnected')
    return isSent ? { status: 202, body: '' } : UNSURE
  }
  return new Map([['/admin/disconnect', disconnect]])
}
