import { withDeadline } from '../deadline.ts'

/** A repository did not answer in time: what it did, if anything, is unknown. */
export class RepositoryTimeout extends Error {
  override readonly name = 'RepositoryTimeout'
}

/**
 * What a repository answers, if it does within `ms` milliseconds; else rejects with RepositoryTimeout. `call` says
 * what it was asked, for the log: it holds nothing that a client chose.
 */
export function answerOf<T>(answer: Promise<T>, ms: number, call: string): Promise<T> {
  // A module may return what is no promise.
  return withDeadline(Promise.resolve(answer), ms, () => {
    return new RepositoryTimeout(`a repository did not answer within ${ms} ms: ${call}`)
  })
}
