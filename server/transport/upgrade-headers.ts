/** Whether a request's headers ask for a WebSocket (RFC 6455, 4.2.1; protocol 1.2). */
import { commaList, headerLines, type RequestHead } from './request.ts'

/** As Elixir's `inspect` writes a list of strings. */
const inspect = (lines: readonly string[]): string =>
  `[${lines.map((line) => JSON.stringify(line)).join(', ')}]`

function absent(request: RequestHead, name: string): string | undefined {
  if (headerLines(request, name).length === 0) return `'${name}' header is absent`
  return undefined
}

function lacks(request: RequestHead, name: string, word: string): string | undefined {
  const lines = headerLines(request, name)
  if (lines.flatMap(commaList).some((entry) => entry.toLowerCase() === word)) return undefined
  return `'${name}' header must contain '${word}', got ${inspect(lines)}`
}

function differs(request: RequestHead, name: string, expected: string): string | undefined {
  const lines = headerLines(request, name)
  if (lines.length === 1 && lines[0] === expected) return undefined
  return `'${name}' header must equal '${expected}', got ${inspect(lines)}`
}

/** The first thing wrong with the headers, as the body of a 400 (C1.4 to C1.6); undefined for none. */
export function upgradeProblem(request: RequestHead): string | undefined {
  return (
    absent(request, 'host') ??
    lacks(request, 'connection', 'upgrade') ??
    lacks(request, 'upgrade', 'websocket') ??
    absent(request, 'sec-websocket-key') ??
    differs(request, 'sec-websocket-version', '13')
  )
}
