import type { Presence, Socket } from '../../server/index.ts'
import type { EVENTS, OperatorMeta, OperatorPresences } from './contract.ts'
import type { Permission } from './permissions.ts'
import { sessionName } from './store/keys.ts'
import type { SessionKey } from './store/store.ts'

/** Who a socket is since its last successful `agent_authenticate`. */
export interface Identity {
  readonly operatorId: string
  readonly permissions: ReadonlySet<Permission>
}

type AttendingSocket = Socket<`agent:${string}`, object, typeof EVENTS>

/**
 * One socket's presence on its session (contract 4): under the operator's id, with what it may do. The topic
 * is the session's own, of this business: another's `agent:<same id>` never hears of it.
 */
export class Attendance {
  readonly #presence: Presence
  readonly #socket: AttendingSocket
  readonly #topic: string
  #key: string | undefined

  constructor(presence: Presence, socket: AttendingSocket, session: SessionKey) {
    this.#presence = presence
    this.#socket = socket
    this.#topic = `session:${sessionName(session)}`
  }

  /** Here from now on, as somebody: told who is there, and of whoever comes and goes. */
  attend({ operatorId, permissions }: Identity, onlineAt: string): void {
    const meta = { online_at: onlineAt, permissions: [...permissions] } satisfies OperatorMeta
    const at = { topic: this.#topic }
    if (this.#key === operatorId) {
      this.#presence.update(this.#socket, operatorId, meta, at)
      return
    }
    if (this.#key !== undefined) this.#presence.untrack(this.#socket, this.#key, at)
    else void this.#socket.subscribe(this.#topic, { as: this.#socket.topic })
    this.#key = operatorId
    this.#presence.track(this.#socket, operatorId, meta, at)
    // Only metas of the kind above are ever tracked on this topic.
    const here = this.#presence.list(this.#topic) as unknown as OperatorPresences
    this.#socket.push('presence_state', here)
  }
}
