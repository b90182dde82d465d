/** Where a client is in its session's numbered events (contract 9), as plain state: no socket, no clock. */
import type { Authenticated } from '../../channels/agent/contract.ts'

/** What a client that comes back says it has: everything of the epoch up to `lastSeq`. */
export interface Position {
  readonly epoch: string
  readonly lastSeq: number
}

/**
 * What to do with an event: `deliver` it; `drop` it, as it was delivered or will come again; `resync`: some are
 * missing before it, ask the server for them; `lost`: they are not to be had, deliver it and say so.
 */
export type Verdict = 'deliver' | 'drop' | 'resync' | 'lost'

export class Cursor {
  #position: Position | undefined
  /** The next event may have any number: what came before it is not kept. */
  #startsAnywhere = false
  /** Whether missing events were asked for since the last one that could be delivered. */
  #resync: 'idle' | 'asked' | 'answered' = 'idle'

  /** `resume`: where an earlier cursor was. */
  constructor(resume?: Position) {
    this.#position = resume
  }

  /** Undefined before the first authentication. */
  get position(): Position | undefined {
    return this.#position
  }

  /** An authentication was answered that asked for what follows `position`. False: events are lost. */
  authenticated({ epoch, seq, recovered }: Authenticated): boolean {
    if (this.#resync === 'asked') this.#resync = 'answered'
    if (!this.#position) {
      this.#position = { epoch, lastSeq: seq }
      return true
    }
    if (recovered) return true
    this.#position = { epoch, lastSeq: 0 }
    this.#startsAnywhere = true
    return false
  }

  /** Judges an event by its number, and counts it where it is to be delivered. */
  accept(seq: number): Verdict {
    if (!this.#position) return 'drop'
    const { epoch, lastSeq } = this.#position
    if (!this.#startsAnywhere && seq <= lastSeq) return 'drop'
    const isNext = this.#startsAnywhere || seq === lastSeq + 1
    if (!isNext && this.#resync !== 'answered') {
      if (this.#resync === 'asked') return 'drop'
      this.#resync = 'asked'
      return 'resync'
    }
    this.#position = { epoch, lastSeq: seq }
    this.#startsAnywhere = false
    this.#resync = 'idle'
    return isNext ? 'deliver' : 'lost'
  }
}
