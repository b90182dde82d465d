/** Most mailboxes never have anything wait in them: they share this, which nobody adds to. */
const NONE: never[] = []

/**
 * One thing at a time, in order: what an Erlang process gives for free. Work that finishes at once costs no
 * promise. Bounded by items and by the bytes they came in.
 */
export class Mailbox<T> {
  readonly #owner: Runner<T>
  readonly #limit: MailboxLimit
  /** What came since `#taken` was filled. */
  #waiting: Waiting<T>[] = NONE
  /** What is next, last first: a queue that gives its first in constant time, however long it is. */
  #taken: Waiting<T>[] = NONE
  #bytes = 0
  #state: 'paused' | 'idle' | 'busy' | 'stopped' = 'paused'

  /** Starts paused. */
  constructor(limit: MailboxLimit, owner: Runner<T>) {
    this.#limit = limit
    this.#owner = owner
  }

  /** Whether something runs or waits. */
  get busy(): boolean {
    return this.#state === 'busy' || this.#size > 0
  }

  /** Runs the item now or queues it. False: there is no room, and the item is lost. */
  put(item: T, bytes: number): boolean {
    if (this.#state === 'stopped') return true
    if (this.#state === 'idle') {
      this.#execute(item)
      // Something that came while it ran.
      if (this.#waiting.length > 0) this.#advance()
      return true
    }
    if (this.#size >= this.#limit.items || this.#bytes + bytes > this.#limit.bytes) return false
    if (this.#waiting === NONE) this.#waiting = []
    this.#waiting.push({ item, bytes })
    this.#bytes += bytes
    return true
  }

  /** Begins with what waits. */
  open(): void {
    if (this.#state !== 'paused') return
    this.#state = 'idle'
    this.#advance()
  }

  /** Forgets what waits; nothing runs any more. */
  stop(): void {
    this.#state = 'stopped'
    this.#waiting = NONE
    this.#taken = NONE
    this.#bytes = 0
  }

  get #size(): number {
    return this.#waiting.length + this.#taken.length
  }

  /** A loop, not a recursion: many items that finish at once must not grow the stack. */
  #advance(): void {
    while (this.#state === 'idle') {
      const next = this.#next()
      if (!next) return
      this.#bytes -= next.bytes
      this.#execute(next.item)
    }
  }

  #next(): Waiting<T> | undefined {
    if (this.#taken.length === 0 && this.#waiting.length > 0) {
      this.#taken = this.#waiting.reverse()
      this.#waiting = NONE
    }
    return this.#taken.pop()
  }

  #execute(item: T): void {
    this.#state = 'busy'
    const running = this.#owner.run(item)
    if (running === undefined) this.#idle()
    else {
      void running.then(() => {
        this.#idle()
        this.#advance()
      })
    }
  }

  #idle(): void {
    if (this.#state === 'busy') this.#state = 'idle'
  }
}

/** Whose mailbox it is. */
export interface Runner<T> {
  /** Must not throw nor reject. Undefined: it is done. */
  run(item: T): Promise<void> | undefined
}

interface Waiting<T> {
  readonly item: T
  readonly bytes: number
}

export interface MailboxLimit {
  readonly items: number
  /** Of the frames that the items came in. */
  readonly bytes: number
}
