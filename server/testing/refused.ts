import { show } from './inbox.ts'

/** A connect or a join that the server did not let in. */
export class Refused extends Error {
  override readonly name = 'Refused'
  /** What the client was told; of a connect, the reason that `refuse` was given. */
  readonly response: unknown

  /** The `cause`, if there is one, is what was thrown: it was not refused, but crashed. */
  constructor(what: string, response: unknown, options: { readonly cause?: unknown } = {}) {
    super(`${what} was refused: ${show(response)}`, options)
    this.response = response
  }
}
