/** The body of a long-poll POST, from its first byte until it is answered. */
import type { Shares } from '../limits/shares.ts'
import { type BodySource, readBody } from './http-body.ts'

/** Without its bytes: too large at any time, or, beside what else is kept, for now. */
export type Received = Buffer | 'too_large' | 'no_room'

/** Whose is not known yet: all of these together have one share. */
const NOBODY = ''

/**
 * What it keeps is of a share: nobody's at first, its session's from `claim` on. It begins to be read when it is
 * made, in the handler's first turn.
 */
export class PostBody {
  readonly #shares: Shares
  readonly #drop: () => void
  #owner = NOBODY
  #kept = 0
  #received: Received | undefined
  #done: ((received: Received) => void) | undefined

  /** `shares` are in bytes. */
  constructor(res: BodySource, maxBytes: number, shares: Shares) {
    this.#shares = shares
    this.#drop = readBody(
      res,
      maxBytes,
      (body) => this.#tell(body ?? 'too_large'),
      (bytes) => this.#keep(bytes),
    )
  }

  /** It is for this session. `done` is called once: when it is there, or it is known that it does not come. */
  claim(token: string, done: (received: Received) => void): void {
    const kept = this.#kept
    this.#giveBack()
    this.#owner = token
    this.#done = done
    if (this.#received === 'no_room') this.#tell('no_room')
    else {
      this.#keep(kept)
      if (this.#received !== undefined) this.#tell(this.#received)
    }
  }

  /** It is answered, or nobody's: nothing of it is kept, nor of what is still to come. */
  release(): void {
    this.#drop()
    this.#giveBack()
    this.#received = undefined
    this.#done = undefined
  }

  #keep(bytes: number): void {
    if (this.#shares.take(this.#owner, bytes)) {
      this.#kept += bytes
      return
    }
    this.#drop()
    this.#giveBack()
    this.#tell('no_room')
  }

  #giveBack(): void {
    this.#shares.give(this.#owner, this.#kept)
    this.#kept = 0
  }

  #tell(received: Received): void {
    this.#received = received
    const done = this.#done
    this.#done = undefined
    done?.(received)
  }
}
