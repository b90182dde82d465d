import type { ErrorCode } from './codes.ts'

/** What is wrong with something the client itself sent. */
export interface Detail {
  /** JSON Pointer into the request's payload. */
  readonly path: string
  readonly problem: string
}

/** An expected failure, returned: it becomes the operation's error event. */
export class Refusal {
  readonly code: ErrorCode
  readonly details: readonly Detail[] | undefined

  constructor(code: ErrorCode, details?: readonly Detail[]) {
    this.code = code
    this.details = details
  }
}

export const refusal = (code: ErrorCode, details?: readonly Detail[]): Refusal =>
  new Refusal(code, details)

/** `invalid_payload` for problems found under `prefix`, a JSON Pointer into the request. */
export const invalid = (prefix: string, problems: readonly Detail[]): Refusal =>
  new Refusal(
    'invalid_payload',
    problems.map(({ path, problem }) => ({ path: prefix + path, problem })),
  )
