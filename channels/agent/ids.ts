import { randomBytes } from 'node:crypto'

/**
 * An id that sorts by the time it was made: `<prefix>_<ms>_<random>`. `after` is the time in the last id of
 * the session: ids made in one millisecond, or after the clock was set back, still sort in their order.
 */
export function timedId(prefix: 'mod' | 'chg', now: number, after: number): TimedId {
  const ms = Math.max(now, after + 1)
  return { id: `${prefix}_${ms}_${randomBytes(9).toString('base64url')}`, ms }
}

/** The time in an id that `timedId` made. */
export const timeIn = (id: string): number => Number(id.split('_')[1])

export interface TimedId {
  readonly id: string
  readonly ms: number
}

/** An id that nobody can guess and nothing sorts by. */
export const randomId = (prefix: string): string =>
  `${prefix}_${randomBytes(12).toString('base64url')}`
