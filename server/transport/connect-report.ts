import type { Session } from '../socket/socket.ts'
import type { Telemetry } from '../telemetry.ts'
import type { Connect, Verdict } from './handshake.ts'

/**
 * One connect, told to telemetry: what the app decided, with what it was asked about (`connected`), or why it was
 * refused by somebody else (`refused`), and what went wrong on our side (C8.1).
 */
export function reported(telemetry: Telemetry, transport: string, connect: Connect<Session>) {
  const startedAt = performance.now()
  let asked: unknown
  const decided = (result: 'ok' | 'error', vsn: string, reason?: unknown): void => {
    const durationMs = performance.now() - startedAt
    telemetry.connected.publish({ transport, vsn, result, reason, params: asked, durationMs })
  }
  return {
    connect: ((params, info) => {
      asked = params
      return connect(params, info)
    }) satisfies Connect<Session>,
    report(verdict: Verdict<Session>): void {
      if (verdict.kind === 'accept') {
        decided('ok', verdict.codec.name)
        return
      }
      const { reason, appReason, error } = verdict
      if (reason === 'connect') decided('error', '', appReason)
      else telemetry.refused.publish({ transport, reason })
      // Anything can be thrown, undefined too.
      if ('error' in verdict) telemetry.crashed.publish({ topic: undefined, error })
    },
  }
}
