import { isDeepStrictEqual } from 'node:util'
import type {
  ConnectionRecord,
  FrameRecord,
  HttpRecord,
  Observed,
  OpenRecord,
  Transcript,
} from './scenario.ts'

/** The headers of a plain HTTP answer that are part of the protocol. */
const HEADERS =
  /^(access-control-|cache-control$|content-type$|sec-websocket-(protocol|extensions)$)/
const SHOWN_CHARS = 240
/** How much is shown of what two long texts have in common before they part. */
const SHOWN_COMMON = 40

/**
 * Where `got` is not what Phoenix answered, in lines for people; empty where it is, or is one of the
 * transcript's variants. JSON is compared by value, key order ignored.
 */
export function unlike(transcript: Transcript, got: Observed): readonly string[] {
  const tries = observationsOf(transcript).map((want) =>
    differences(want, got, transcript.unordered),
  )
  return tries.find((found) => found.length === 0) ?? tries[0] ?? []
}

/** All that Phoenix answered: where it does not always answer the same, there are several. */
export const observationsOf = ({ observed, variants = [] }: Transcript): readonly Observed[] => [
  observed,
  ...variants.map((variant) => variant.observed),
]

/** The same against one observation; `unordered`: frames, and the messages of a poll, as multisets. */
export function differences(want: Observed, got: Observed, unordered = false): readonly string[] {
  const names = new Set([...Object.keys(want.connections), ...Object.keys(got.connections)])
  const connections = [...names].flatMap((name) =>
    inConnection(name, want.connections[name], got.connections[name], unordered),
  )
  const wanted = want.http ?? []
  const given = got.http ?? []
  const answers = longer(wanted, given).flatMap((_, index) =>
    inAnswer(`http ${index}`, wanted[index], given[index], unordered),
  )
  return [...connections, ...answers]
}

function inConnection(
  name: string,
  want: ConnectionRecord | undefined,
  got: ConnectionRecord | undefined,
  unordered: boolean,
): readonly string[] {
  if (!want || !got) return [`connection ${name}: ${want ? 'missing' : 'unexpected'}`]
  return [
    ...inValue(`${name}: open`, opening(want.open), opening(got.open)),
    ...inFrames(name, want.frames, got.frames, unordered),
    ...inValue(`${name}: close`, ending(want), ending(got)),
  ]
}

/** What counts of a handshake; its headers are the framing's own affair. */
function opening(open: OpenRecord | null): unknown {
  if (open?.status === undefined) return open?.error ?? 'nothing'
  return { status: open.status, body: open.body ?? '' }
}

function ending({ close }: ConnectionRecord): unknown {
  return close && { code: close.code, reason: close.reason }
}

function inFrames(
  name: string,
  want: readonly FrameRecord[],
  got: readonly FrameRecord[],
  unordered: boolean,
): readonly string[] {
  const wanted = want.map(frameValue)
  const given = got.map(frameValue)
  if (!unordered) {
    return longer(wanted, given).flatMap((_, index) =>
      inValue(`${name}: frame ${index}`, wanted[index], given[index]),
    )
  }
  const { missing, unexpected } = asMultisets(wanted, given)
  return longer(missing, unexpected).flatMap((_, index) =>
    inValue(`${name}: frame, in any order`, missing[index], unexpected[index]),
  )
}

function inAnswer(
  at: string,
  want: HttpRecord | undefined,
  got: HttpRecord | undefined,
  unordered: boolean,
): readonly string[] {
  if (!want || !got) return [`${at}: ${want ? 'missing' : 'unexpected'}`]
  const where = `${at} (step ${want.step})`
  const names = new Set([...Object.keys(want.headers), ...Object.keys(got.headers)])
  const headers = [...names]
    .filter((name) => HEADERS.test(name))
    .flatMap((name) => inValue(`${where}: ${name}`, want.headers[name], got.headers[name]))
  return [
    ...inValue(`${where}: status`, want.error ?? want.status, got.error ?? got.status),
    ...inBody(`${where}: body`, bodyValue(want.body), bodyValue(got.body), unordered),
    ...inValue(`${where}: seconds`, want.tookS, got.tookS),
    ...headers,
  ]
}

function inBody(at: string, want: unknown, got: unknown, unordered: boolean): readonly string[] {
  if (!unordered || !isPoll(want) || !isPoll(got)) return inValue(at, want, got)
  const { missing, unexpected } = asMultisets(want.messages, got.messages)
  // Compared apart from what surrounds them: each message is matched wherever it stands.
  return [
    ...inValue(at, { ...want, messages: [] }, { ...got, messages: [] }),
    ...inValue(`${at}, messages in any order`, missing, unexpected),
  ]
}

interface Poll {
  readonly messages: readonly unknown[]
}

function isPoll(body: unknown): body is Poll {
  return (
    typeof body === 'object' && body !== null && 'messages' in body && Array.isArray(body.messages)
  )
}

/** A body as a value; the messages of a poll are JSON inside of JSON. */
function bodyValue(body: string | null): unknown {
  const value = body === null ? null : jsonOrText(body)
  if (!isPoll(value)) return value
  const messages = value.messages.map((each) =>
    typeof each === 'string' ? jsonOrText(each) : each,
  )
  return { ...value, messages }
}

function frameValue({ afterStep: _, ...frame }: FrameRecord): unknown {
  return 'text' in frame ? { text: jsonOrText(frame.text) } : frame
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** What is in one list only, however often; order does not count. */
function asMultisets(
  want: readonly unknown[],
  got: readonly unknown[],
): { readonly missing: readonly unknown[]; readonly unexpected: readonly unknown[] } {
  const unexpected = [...got]
  const missing = want.filter((value) => {
    const at = unexpected.findIndex((each) => isDeepStrictEqual(each, value))
    if (at >= 0) unexpected.splice(at, 1)
    return at < 0
  })
  return { missing, unexpected }
}

function longer(a: readonly unknown[], b: readonly unknown[]): readonly unknown[] {
  return a.length > b.length ? a : b
}

function inValue(at: string, want: unknown, got: unknown): readonly string[] {
  if (isDeepStrictEqual(want, got)) return []
  const [wanted, given] = [written(want), written(got)]
  const from = firstDifference(wanted, given)
  return [`${at}\n    want ${excerpt(wanted, from)}\n    got  ${excerpt(given, from)}`]
}

/** JSON, with sorted keys so that two of them can be held side by side, and with JavaScript's -0. */
function written(value: unknown): string {
  if (value === undefined) return 'nothing'
  const sorted = (_key: string, each: unknown): unknown => {
    if (Object.is(each, -0)) return '-0'
    if (typeof each !== 'object' || each === null || Array.isArray(each)) return each
    return Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
  }
  return JSON.stringify(value, sorted)
}

function firstDifference(a: string, b: string): number {
  let at = 0
  while (at < a.length && a[at] === b[at]) at += 1
  return at
}

/** A long text from a little before the place where it gets interesting. */
function excerpt(text: string, from: number): string {
  if (text.length <= SHOWN_CHARS) return text
  const start = Math.max(0, from - SHOWN_COMMON)
  const shown = text.slice(start, start + SHOWN_CHARS)
  const after = start + SHOWN_CHARS < text.length ? '…' : ''
  return `${start > 0 ? '…' : ''}${shown}${after} (${text.length} characters)`
}
