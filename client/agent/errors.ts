import type { Detail, ErrorCode } from '../../channels/agent/contract.ts'

/**
 * The server's codes, and one of the client's own: `not_sent` means that the request never left, so it did
 * not happen. `unavailable` is also the client's where no answer came: the outcome is unknown, and if it did
 * happen, its event will tell.
 */
export type AgentErrorCode = ErrorCode | 'not_sent'

/** What every promise of a session rejects with. */
export class AgentError extends Error {
  override readonly name = 'AgentError'
  readonly code: AgentErrorCode
  /** What is wrong with what was sent, where the server says so. */
  readonly details: readonly Detail[]

  constructor(
    code: AgentErrorCode,
    message: string,
    { details = [], cause }: { details?: readonly Detail[]; cause?: unknown } = {},
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.details = details
  }
}

export const notSent = (cause?: unknown): AgentError =>
  new AgentError('not_sent', 'the request was not sent', { cause })

export const unanswered = (cause?: unknown): AgentError =>
  new AgentError('unavailable', 'no answer came; the outcome is unknown', { cause })

interface Refusal {
  readonly code?: ErrorCode
  readonly message?: string
  readonly details?: readonly Detail[]
  /** Instead of the others, where it is the socket that refuses and not the agent's channel. */
  readonly reason?: string
}

/** The error that an `error` reply stands for. */
export function refusedWith(response: unknown): AgentError {
  const { code, message, details, reason }: Refusal =
    typeof response === 'object' && response !== null ? response : {}
  if (code === undefined) return new AgentError('internal', reason ?? 'refused without a reason')
  return new AgentError(code, message ?? code, details ? { details } : {})
}
