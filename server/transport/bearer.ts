import { createHash, timingSafeEqual } from 'node:crypto'
import { type HttpAnswer, httpError } from './http.ts'
import { header, type RequestHead } from './request.ts'

/** The answer to who has not the token. */
export const UNAUTHORIZED: HttpAnswer = {
  ...httpError(401),
  headers: { 'www-authenticate': 'Bearer' },
}

const SCHEME = /^bearer +/i

/** Of equal length whatever is compared. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Whether a request carries the token (RFC 6750, in the header alone), compared in constant time. */
export function bearerCheck(token: string): (request: RequestHead) => boolean {
  const wanted = digest(token)
  return (request) => {
    const given = header(request, 'authorization') ?? ''
    return SCHEME.test(given) && timingSafeEqual(digest(given.replace(SCHEME, '')), wanted)
  }
}
