/** Plain HTTP beside the sockets: routes, refusals, and copying a request out of uWS. */

import { readBody } from './http-body.ts'
import type { UpgradeRequest } from './request.ts'
import type { HttpRequest, HttpResponse } from './uws.ts'

export interface HttpAnswer {
  readonly status: number
  readonly body: string
  readonly contentType?: string
  /** Further ones. */
  readonly headers?: Readonly<Record<string, string>>
  /** Ends the connection, too: what else the client sends is not wanted. */
  readonly close?: boolean
}

/** A GET route. It may be async; a throw is answered 500. */
export type Route = (request: UpgradeRequest) => HttpAnswer | Promise<HttpAnswer>

export const JSON_TYPE = 'application/json; charset=utf-8'

/** A POST route, as `Route`. */
export type PostRoute = (request: UpgradeRequest, body: Buffer) => HttpAnswer | Promise<HttpAnswer>

const MAX_BODY_BYTES = 16_384

const REASONS = new Map([
  [200, 'OK'],
  [400, 'Bad Request'],
  [202, 'Accepted'],
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
  [404, 'Not Found'],
  [405, 'Method Not Allowed'],
  [413, 'Content Too Large'],
  [429, 'Too Many Requests'],
  [500, 'Internal Server Error'],
  [503, 'Service Unavailable'],
])

/** A refusal as Phoenix renders it; the detail is the status' own name unless told. */
export const httpError = (status: number, detail = REASONS.get(status) ?? ''): HttpAnswer => ({
  status,
  body: JSON.stringify({ errors: { detail } }),
  contentType: JSON_TYPE,
})

export const NOT_FOUND = httpError(404)
const FAILED = httpError(500)

/** uWS's request lives only as long as the handler's first turn: everything is copied out of it at once. */
export function copyRequest(res: HttpResponse, req: HttpRequest): UpgradeRequest {
  const headers: [string, string][] = []
  req.forEach((name, value) => {
    headers.push([name, value])
  })
  const port = (res as { getRemotePort?: () => number }).getRemotePort?.() ?? 0
  return {
    method: req.getMethod().toUpperCase(),
    path: req.getUrl(),
    query: req.getQuery() ?? '',
    headers,
    scheme: 'http',
    peer: { address: Buffer.from(res.getRemoteAddressAsText()).toString(), port },
  }
}

/**
 * A response that can be answered later: after the client went away, answering does nothing. A `write` that
 * throws ends its own request alone, and `onError` hears of it: out of a handler of uWS, it would end the process.
 * `onGone` is called when the client goes away before it is answered; it must not throw. `run` is what `write`
 * runs in, the response's cork unless told.
 */
export function deferred(
  res: HttpResponse,
  onError: (error: unknown) => void,
  onGone: () => void = () => {},
): (write: () => void, run?: ((task: () => void) => void) | undefined) => void {
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
  return (write, run = cork) => {
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
    if (isFirstTurn) answer()
    else setImmediate(answer)
  }
}

/** The status line of an answer, without the version. */
export const statusLine = (status: number): string =>
  `${status} ${REASONS.get(status) ?? ''}`.trimEnd()

/** What every answer says of caches, unless it knows better. */
export const CACHE_CONTROL = 'max-age=0, private, must-revalidate'

export function writeAnswer(res: HttpResponse, answer: HttpAnswer, withBody = true): void {
  res.writeStatus(statusLine(answer.status))
  res.writeHeader('cache-control', CACHE_CONTROL)
  if (answer.contentType) res.writeHeader('content-type', answer.contentType)
  for (const [name, value] of Object.entries(answer.headers ?? {})) res.writeHeader(name, value)
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
  request: UpgradeRequest,
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
  request: UpgradeRequest,
  onError: (error: unknown) => void,
): void {
  const later = deferred(res, onError)
  const write = (answer: HttpAnswer) => later(() => writeAnswer(res, answer))
  readBody(res, MAX_BODY_BYTES, (body) => {
    if (body) answerWith(() => route(request, body), write, onError)
    else write({ ...httpError(413), close: true })
  })
}
