/** Plain HTTP beside the sockets: routes, refusals, and copying a request out of uWS. */
import type { UpgradeRequest } from './request.ts'
import type { HttpRequest, HttpResponse } from './uws.ts'

export interface HttpAnswer {
  readonly status: number
  readonly body: string
  readonly contentType?: string
}

/** A GET route. It may be async; a throw is answered 500. */
export type Route = (request: UpgradeRequest) => HttpAnswer | Promise<HttpAnswer>

export const JSON_TYPE = 'application/json; charset=utf-8'

export const NOT_FOUND: HttpAnswer = {
  status: 404,
  body: '{"errors":{"detail":"Not Found"}}',
  contentType: JSON_TYPE,
}

const FAILED: HttpAnswer = {
  status: 500,
  body: '{"errors":{"detail":"Internal Server Error"}}',
  contentType: JSON_TYPE,
}

const REASONS = new Map([
  [200, 'OK'],
  [400, 'Bad Request'],
  [403, 'Forbidden'],
  [404, 'Not Found'],
  [429, 'Too Many Requests'],
  [500, 'Internal Server Error'],
  [503, 'Service Unavailable'],
])

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
 * `onGone` is called when the client goes away before it is answered; it must not throw.
 */
export function deferred(
  res: HttpResponse,
  onError: (error: unknown) => void,
  onGone: () => void = () => {},
): (write: () => void) => void {
  let aborted = false
  res.onAborted(() => {
    aborted = true
    onGone()
  })
  return (write) => {
    if (aborted) return
    res.cork(() => {
      try {
        write()
      } catch (error) {
        res.close()
        onError(error)
      }
    })
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
  if (withBody) res.end(answer.body)
  else res.endWithoutBody(Buffer.byteLength(answer.body))
}

/** Runs a route and answers with what it gives. `onError` hears of a throw; the client sees a plain 500. */
export function serveRoute(
  res: HttpResponse,
  route: Route,
  request: UpgradeRequest,
  onError: (error: unknown) => void,
): void {
  const later = deferred(res, onError)
  const finish = (answer: HttpAnswer) =>
    later(() => writeAnswer(res, answer, request.method !== 'HEAD'))
  const fail = (error: unknown) => {
    onError(error)
    finish(FAILED)
  }
  try {
    const answer = route(request)
    if (answer instanceof Promise) void answer.then(finish, fail)
    else finish(answer)
  } catch (error) {
    fail(error)
  }
}
