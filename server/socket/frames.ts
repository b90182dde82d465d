import { Mailbox, type MailboxLimit, type Runner } from './mailbox.ts'

interface ClientFrame {
  readonly data: ArrayBuffer
  readonly isBinary: boolean
}

/** Whose frames they are. */
export interface Taker {
  /** Must not throw nor reject. The promise, if any, is of what must be decided before the next. */
  take(data: ArrayBuffer, isBinary: boolean): Promise<void> | undefined
}

type Next = ClientFrame | (() => void)

/** The frames of one connection, one at a time; and who wants to know how far that is. */
export class Frames implements Runner<Next> {
  readonly #line: Mailbox<Next>
  readonly #taker: Taker

  constructor(limit: MailboxLimit, taker: Taker) {
    this.#taker = taker
    this.#line = new Mailbox(limit, this)
    this.#line.open()
  }

  /** For the mailbox alone. */
  run(next: Next): Promise<void> | undefined {
    if (typeof next !== 'function') return this.#taker.take(next.data, next.isBinary)
    next()
    return undefined
  }

  get busy(): boolean {
    return this.#line.busy
  }

  /** `data` is read before the call returns. False: too many wait, and this one is lost. */
  put(data: ArrayBuffer, isBinary: boolean): boolean {
    return this.#line.put({ data: this.busy ? data.slice(0) : data, isBinary }, data.byteLength)
  }

  /**
   * Calls `listener` when every frame put before has been taken: at once, where none waits; never, once it is
   * stopped. False: too many wait.
   */
  onceTaken(listener: () => void): boolean {
    return this.#line.put(listener, 0)
  }

  stop(): void {
    this.#line.stop()
  }
}
