/** Which modifications are reverted: one entry for each revert, however many modifications it took back. */

/** From one modification to the newest that there was, by the times in their ids: all of them of one repository. */
export type Revert = readonly [from: number, to: number]

/** Of one repository, oldest first. No modification is in two of them. */
export type Reverts = readonly Revert[]

/** Whether the modification made at `ms` was taken back. */
export const isReverted = (reverts: Reverts, ms: number): boolean =>
  reverts.some(([from, to]) => from <= ms && ms <= to)

/**
 * With one more revert, of a modification that was none of theirs. It takes in those that came after that modification;
 * only the newest `kept` can hold any of as many modifications.
 */
export function withRevert(reverts: Reverts, [from, to]: Revert, kept: number): Reverts {
  const before = reverts.filter(([, end]) => end < from)
  return [...before, [from, to] as const].slice(-kept)
}
