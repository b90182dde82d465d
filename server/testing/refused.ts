import { show } from './inbox.ts'

/** A connect or a join that the server did not let in. */
export class Refused extends Error {
  override readonly name = 'Refused'
  /** What the client was told; of a connect, the reason that `refuse` was given. */
  readonly response: unknown

  /** `cause` is what was thrown, where that is why. */
  constructor(what: string, response: unknown, cause?: unknown) {
    super(`${what} was refused: ${show(response)}`, cause === undefined ? {} : { cause })
    this.response = response
  }
}
