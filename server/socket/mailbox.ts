/**
 * One thing at a time, in order: what an Erlang process gives for free. Work that finishes at once costs no
 * promise. Bounded by items and by the bytes they came in.
 */
export class Mailbox<T> {
  readonly #run: (item: T) => Promise<void> | undefined
  readonly #limit: MailboxLimit
  #waiting: { readonly item: T; readonly bytes: number }[] = []
  #bytes = 0
  #state: 'paused' | 'idle' | 'busy' | 'stopped' = 'paused'

  /** `run` must not throw nor reject. Starts paused. */
  constructor(limit: MailboxLimit, run: (item: T) => Promise<void> | undefined) {
    this.#limit = limit
    this.#run = run
  }

  /** Whether something runs or waits. */
  get busy(): boolean {
    return this.#state === 'busy' || this.#waiting.length > 0
  }

  /** Runs the item now or queues it. False: there is no room, and the item is lost. */
  put(item: T, bytes: number): boolean {
    if (this.#state === 'stopped') return true
    if (this.#state === 'idle') {
      this.#execute(item)
      this.#advance()
      return true
    }
    if (!fits(this.#limit, this.#waiting.length, this.#bytes + bytes)) return false
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
    this.#waiting = []
    this.#bytes = 0
  }

  /** A loop, not a recursion: many items that finish at once must not grow the stack. */
  #advance(): void {
    while (this.#state === 'idle') {
      const next = this.#waiting.shift()
      if (!next) return
      this.#bytes -= next.bytes
      this.#execute(next.item)
    }
  }

  #execute(item: T): void {
    this.#state = 'busy'
    const running = this.#run(item)
    if (running !== undefined) void running.then(this.#finished)
    else this.#idle()
  }

  readonly #finished = (): void => {
    this.#idle()
    this.#advance()
  }

  #idle(): void {
    if (this.#state === 'busy') this.#state = 'idle'
  }
}

export interface MailboxLimit {
  readonly items: number
  /** Of the frames that the items came in. */
  readonly bytes: number
}

/** Whether one more item may wait where `items` wait already and `bytes` would be taken with it. */
export const fits = (limit: MailboxLimit, items: number, bytes: number): boolean =>
  items < limit.items && bytes <= limit.bytes
