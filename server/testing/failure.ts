/** What a failed assertion says. */
import { AssertionError } from 'node:assert'
import type { TestChannel } from './channel.ts'
import type { TestEndpoint } from './endpoint.ts'
import type { Ending, WaitOptions } from './waiting.ts'

/** Why there was no more waiting. */
export function sentenceOf(ending: Ending, endpoint: TestEndpoint, options?: WaitOptions): string {
  if (ending === 'idle') return 'nothing runs any more'
  if (ending === 'timeout') return `${options?.timeoutMs} ms are over`
  return `something still runs after ${endpoint.patienceMs} ms`
}

/** What else is to be known where something is not as it should be. */
function stateOf({ end, reason, socket }: TestChannel): readonly string[] {
  const why = reason?.type === 'stopped' ? `stopped for "${reason.reason}"` : reason?.type
  return [
    ...(end ? [`The channel has ended with ${end}${why ? ` (${why})` : ''}.`] : []),
    ...(socket.isOpen
      ? []
      : [`The connection was closed (${socket.closeReason ?? 'by the client'}).`]),
  ]
}

/** `cause` is the crash that explains it, if there is one. */
export function failure(channel: TestChannel, sentence: string, lines: readonly string[]): Error {
  const [crash] = channel.endpoint.takeCrashes(channel.topic)
  const message = [sentence, ...lines, ...stateOf(channel)].join('\n')
  const error = new AssertionError({ message })
  return crash ? Object.assign(error, { cause: crash.error }) : error
}
