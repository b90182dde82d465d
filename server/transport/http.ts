/** Plain HTTP beside the sockets: routes, refusals, and copying a request out of uWS. */
import { peerBehind, type TrustsProxy } from './client-address.ts'
import { readBody } from './http-body.ts'
import type { RequestHead } from './request.ts'
import type { HttpRequest, HttpResponse } from './uws.ts'

export interface HttpAnswer {
  readonly status: number
  readonly body: string
  readonly contentType?: string
  /** Further ones, and other values for those that every answer has; a page says its own content security policy. */
  readonly headers?: Readonly<Record<string, string>>
  /** Ends the connection, too: what else the client sends is not wanted. */
  readonly close?: boolean
}

/** A GET route. It may be async; a throw is answered 500. */
export type Route = (request: RequestHead) => HttpAnswer | Promise<HttpAnswer>

export const JSON_TYPE = 'application/json; charset=utf-8'

/** A POST route, as `Route`. */
export type PostRoute = (request: RequestHead, body: Buffer) => HttpAnswer | Promise<HttpAnswer>

const MAX_BODY_BYTES = 16_384

const REASONS = new Map([
  [200, 'OK'],
  [202, 'Accepted'],
  [400, 'Bad Request'],
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
  [404, 'Not Found'],
  [405, 'Method Not Allowed'],
  [413, 'Content Too Large'],
  [429, 'Too Many Requests'],
  [500, 'Internal Server Error'],
  [503, 'Service Unavailable'],
])

export const jsonAnswer = (status: number, value: object): HttpAnswer => ({
  status,
  body: JSON.stringify(value),
  contentType: JSON_TYPE,
})

/** A refusal as Phoenix renders it; the detail is the status' own name unless told. */
export const httpError = (status: number, detail = REASONS.get(status) ?? ''): HttpAnswer =>
  jsonAnswer(status, { errors: { detail } })

export const NOT_FOUND = httpError(404)
/** For a path that has only a GET route. */
export const GET_ONLY: HttpAnswer = { ...httpError(405), headers: { allow: 'GET, HEAD' } }
const FAILED = httpError(500)

/**
 * What every answer says, unless it knows better: it is no page, loads nothing, stands in no frame, and nobody
 * guesses what it is or keeps it.
 */
const COMMON_HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'max-age=0, private, must-revalidate',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/** How this server is reached. */
interface Front {
  readonly scheme: RequestHead['scheme']
  readonly trustsProxy: TrustsProxy
}

export type ReadRequest = (res: HttpResponse, req: HttpRequest) => RequestHead

/** uWS's request lives only as long as the handler's first turn: everything is copied out of it at once. */
export const requestReader =
  ({ scheme, trustsProxy }: Front): ReadRequest =>
  (res, req) => {
    const headers: [string, string][] = []
    const forwardedFor: string[] = []
    req.forEach((name, value) => {
      headers.push([name, value])
      if (name === 'x-forwarded-for') forwardedFor.push(value)
    })
    const peer = {
      address: Buffer.from(res.getRemoteAddressAsText()).toString(),
      port: (res as { getRemotePort?: () => number }).getRemotePort?.() ?? 0,
    }
    return {
      method: req.getMethod().toUpperCase(),
      path: req.getUrl(),
      query: req.getQuery() ?? '',
      headers,
      scheme,
      peer: peerBehind(peer, forwardedFor, trustsProxy),
    }
  }

/** Answers a response that is still open. */
type Later = (
  write: () => void,
  run?: ((task: () => void) => void) | undefined,
  isOwnTurn?: boolean,
) => void

/**
 * A response that can be answered later: after the client went away, answering does nothing. A `write` that
 * throws ends its own request alone, and `onError` hears of it: out of a handler of uWS, it would end the process.
 * `onGone` is called when the client goes away before it is answered; it must not throw. `run` is what `write`
 * runs in, the response's cork unless told; `isOwnTurn` whether nothing else of uWS's is going on: in the
 * handler's first turn, unless told.
 */
export function deferred(
  res: HttpResponse,
  onError: (error: unknown) => void,
  onGone: () => void = () => {},
): Later {
  let aborted = false
  let isFirstTurn = true
  queueMicrotask(() => {
    isFirstTurn = false
  })
  res.onAborted(() => {
    aborted = true
    onGone()
  })
  const cork = (task: () => void): void => {
    res.cork(task)
  }
  return (write, run = cork, isOwnTurn = isFirstTurn) => {
    const answer = (): void => {
      if (aborted) return
      run(() => {
        try {
          write()
        } catch (error) {
          res.close()
          onError(error)
        }
      })
    }
    // Later may be inside of what uWS does for another connection, whose cork it must not meet: it would end the
    // process.
    if (isOwnTurn) answer()
    else setImmediate(answer)
  }
}

/** The status line of an answer, without the version. */
const statusLine = (status: number): string => `${status} ${REASONS.get(status) ?? ''}`.trimEnd()

const HEADER_VALUE = /^[\t\x20-\x7e]*$/

/** uWS writes what it is given, line ends and all; `writeAnswer` throws for a value that is none. */
export const isHeaderValue = (text: string): boolean => HEADER_VALUE.test(text)

/** Throws for a value that would be more than one line. */
function headersOf({ contentType, headers }: HttpAnswer): readonly (readonly [string, string])[] {
  const type = contentType === undefined ? {} : { 'content-type': contentType }
  const all = Object.entries({ ...COMMON_HEADERS, ...type, ...headers })
  const wrong = all.find(([, value]) => !isHeaderValue(value))
  if (wrong) throw new TypeError(`the header ${wrong[0]} has a value that no header may have`)
  return all
}

export function writeAnswer(res: HttpResponse, answer: HttpAnswer, withBody = true): void {
  res.writeStatus(statusLine(answer.status))
  for (const [name, value] of headersOf(answer)) res.writeHeader(name, value)
  if (withBody) {
    res.end(answer.body, answer.close)
    return
  }
  // Given the length as its argument, uWS 20.51 waits for the body, and where nobody else does, ends the process.
  res.writeHeader('content-length', String(Buffer.byteLength(answer.body)))
  res.endWithoutBody()
}

/** Runs a route and answers with what it gives. `onError` hears of a throw; the client sees a plain 500. */
export function serveRoute(
  res: HttpResponse,
  route: Route,
  request: RequestHead,
  onError: (error: unknown) => void,
): void {
  const later = deferred(res, onError)
  const write = (answer: HttpAnswer) =>
    later(() => writeAnswer(res, answer, request.method !== 'HEAD'))
  answerWith(() => route(request), write, onError)
}

/** Writes what `answer` gives, now or later. */
function answerWith(
  answer: () => HttpAnswer | Promise<HttpAnswer>,
  write: (answer: HttpAnswer) => void,
  onError: (error: unknown) => void,
): void {
  const fail = (error: unknown) => {
    onError(error)
    write(FAILED)
  }
  try {
    const given = answer()
    if (given instanceof Promise) void given.then(write, fail)
    else write(given)
  } catch (error) {
    fail(error)
  }
}

/** As `serveRoute`, with the request's body: one over 16 KiB is answered 413, without the route. */
export function servePost(
  res: HttpResponse,
  route: PostRoute,
  request: RequestHead,
  onError: (error: unknown) => void,
): void {
  const later = deferred(res, onError)
  const write = (answer: HttpAnswer) => later(() => writeAnswer(res, answer))
  readBody(res, MAX_BODY_BYTES, (body) => {
    if (body) answerWith(() => route(request, body), write, onError)
    else write({ ...httpError(413), close: true })
  })
}
