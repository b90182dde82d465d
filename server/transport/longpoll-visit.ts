/** One HTTP request of a long-poll client, and its one answer (protocol 4.1, 4.2). */
import { deferred, type HttpAnswer, isHeaderValue, JSON_TYPE, writeAnswer } from './http.ts'
import type { BodyStatus } from './longpoll-outcome.ts'
import { header, type RequestHead } from './request.ts'
import type { HttpResponse } from './uws.ts'

/** HTTP's own status of an answer: a proxy is to see that a client was turned away. */
const HTTP_STATUS = new Map<BodyStatus, number>([[500, 503]])

export interface Visit {
  readonly res: HttpResponse
  readonly request: RequestHead
  /** The client went away. */
  isGone: boolean
  /** What to do when the client goes away before it is answered. */
  onGone: () => void
  /** What to do when it is over: answered, or its client has gone. */
  onOver: () => void
  /** Calls `give`, and answers with what it gives, unless the client has gone. */
  answerWith(give: () => BodyStatus | Answer): void
  answer(status: BodyStatus): void
  /** An answer that is not in the body: `httpStatus`, and nothing more. */
  end(httpStatus: number, headers?: HttpAnswer['headers']): void
  /** Something of ours threw: phoenix.js comes back after a while. */
  crash(): void
}

/** A status with what belongs to a poll. */
export interface Answer {
  readonly status: BodyStatus
  readonly token: string
  /** JSON of the list of messages. */
  readonly messages: string
}

const isAnswer = (given: BodyStatus | Answer): given is Answer => typeof given === 'object'

/** `lastOne`: whether the client is to make a new connection for its next request. */
export function openVisit(
  res: HttpResponse,
  request: RequestHead,
  onError: (error: unknown) => void,
  lastOne: () => boolean,
): Visit {
  const later = deferred(res, onError, () => {
    visit.isGone = true
    visit.onGone()
    visit.onOver()
  })
  function write(answer: HttpAnswer): void {
    const headers = { 'access-control-allow-origin': '*', ...answer.headers }
    writeAnswer(res, { ...answer, headers, close: lastOne() })
    visit.onOver()
  }
  const writeJson = (status: number, body: string): void =>
    write({ status, body, contentType: JSON_TYPE, headers: { 'cache-control': 'no-store' } })
  const visit: Visit = {
    res,
    request,
    isGone: false,
    onGone() {},
    onOver() {},
    answerWith(give) {
      later(() => {
        const given = give()
        if (!isAnswer(given)) {
          writeJson(HTTP_STATUS.get(given) ?? 200, `{"status":${given}}`)
          return
        }
        const { status, token, messages } = given
        writeJson(200, `{"messages":${messages},"status":${status},"token":"${token}"}`)
      })
    },
    answer: (status) => visit.answerWith(() => status),
    end: (status, headers = {}) => later(() => write({ status, body: '', headers })),
    crash: () => later(() => writeJson(500, '{"status":500}')),
  }
  return visit
}

/** What a browser asks before it sends a request of another page's: which of its headers may be sent. */
export function preflight(visit: Visit): void {
  const asked = header(visit.request, 'access-control-request-headers') ?? ''
  if (!isHeaderValue(asked)) {
    visit.end(400)
    return
  }
  visit.end(200, {
    'access-control-allow-headers': asked,
    'access-control-allow-methods': 'get, post, options',
    'access-control-max-age': '3600',
  })
}
