/** How a command ended, and the form in which that is kept. */
import type { ErrorCode } from '../codes.ts'
import { type Detail, Refusal, refusal } from '../refusal.ts'

/** Well. */
export interface Done {
  readonly result: unknown
  /** ISO 8601, UTC, milliseconds. */
  readonly timestamp: string
  /** Who ran it. */
  readonly operatorId: string
}

export type Outcome = Done | Refusal

export type KeptOutcome = Done | { readonly code: ErrorCode; readonly details?: readonly Detail[] }

export const kept = (outcome: Outcome): KeptOutcome =>
  outcome instanceof Refusal
    ? { code: outcome.code, ...(outcome.details && { details: outcome.details }) }
    : outcome

export const revived = (outcome: KeptOutcome): Outcome =>
  'code' in outcome ? refusal(outcome.code, outcome.details) : outcome
