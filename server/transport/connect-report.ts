import type { Session } from '../socket/socket.ts'
import type { Telemetry } from '../telemetry.ts'
import { isCrowded } from './admission.ts'
import type { Connect, Verdict } from './handshake.ts'

/**
 * One connect, told to telemetry: whether the app was asked (then `connected`, with what it was asked about)
 * or the request was refused whatever the app says (then `refused`), and what went wrong on our side (C8.1).
 */
export function reported(telemetry: Telemetry, transport: string, connect: Connect<Session>) {
  const startedAt = performance.now()
  let asked: { readonly params: unknown } | undefined
  return {
    connect: ((params, info) => {
      asked = { params }
      return connect(params, info)
    }) satisfies Connect<Session>,
    report(verdict: Verdict<Session>): void {
      const isAccepted = verdict.kind === 'accept'
      if (asked && !isCrowded(verdict)) {
        const durationMs = performance.now() - startedAt
        const [vsn, result] = isAccepted
          ? [verdict.codec.name, 'ok' as const]
          : ['', 'error' as const]
        const reason = isAccepted ? undefined : verdict.appReason
        const { params } = asked
        telemetry.connected.publish({ transport, vsn, result, reason, params, durationMs })
      } else if (!isAccepted) telemetry.refused.publish({ transport, reason: verdict.reason })
      if (!isAccepted && verdict.error !== undefined) {
        telemetry.crashed.publish({ topic: undefined, error: verdict.error })
      }
    },
  }
}
