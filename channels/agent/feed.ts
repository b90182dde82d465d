/**
 * One socket's way through its session's numbered events: each once, in order, without a hole (contract 9).
 *
 * Events are sent from what this node announces as long as that goes on where the socket is; wherever it
 * does not (a replay, a reader that was slow, a gap), they are read from the store, paced by what the socket
 * takes, until the two meet.
 */
import { Broadcast, type Sent } from '../../server/index.ts'
import type { EventSource } from './shared-reads.ts'
import type { SessionEvent, SessionKey, SessionSubscription } from './store/store.ts'

/** The socket's side. */
export interface Reader {
  readonly topic: string
  deliver(broadcast: Broadcast): Sent
  onceDrained(listener: () => void): void
  /** The session, or what comes next of it, is no longer kept: the client has to authenticate anew. */
  lost(): void
}

/** Announced events that wait for the socket; beyond that, the store has them. */
const MAX_WAITING = 128
/** Read from the store at once. */
const PAGE = 64
/** How long to wait after the store was out of reach: so long on average, so that not all come back at once. */
const RETRY_MS = 500

const broadcasts = new WeakMap<SessionEvent, Broadcast>()

/** One broadcast per event, so that it is encoded once for all sockets of the session. */
function broadcastOf(event: SessionEvent, topic: string): Broadcast {
  let broadcast = broadcasts.get(event)
  if (!broadcast) {
    broadcast = Broadcast.encoded(topic, event.event, event.json)
    broadcasts.set(event, broadcast)
  }
  return broadcast
}

export class Feed {
  readonly #store: EventSource
  readonly #session: SessionKey
  readonly #reader: Reader
  readonly #onError: (error: unknown) => void
  readonly #subscription: SessionSubscription
  #epoch: string | undefined
  #onComplete: (() => void) | undefined
  /** The number of the event that was sent last; infinite before `start`. */
  #sent = Number.POSITIVE_INFINITY
  /** Announced events, from `#sent + 1` on, without a gap. */
  #waiting: SessionEvent[] = []
  /** The next event is the oldest one that is kept, whichever that is. */
  #fromOldest = false
  /** There may be events, above those that wait, that only the store has. */
  #behind = false
  /** Reasons not to send right now. */
  #holds = 0
  #stopped = false

  /** Listens from now on, and sends nothing before `start`. */
  constructor(
    store: EventSource,
    session: SessionKey,
    reader: Reader,
    onError: (error: unknown) => void,
  ) {
    this.#store = store
    this.#session = session
    this.#reader = reader
    this.#onError = onError
    this.#subscription = store.subscribe(session, {
      event: this.#announced,
      gap: () => {
        this.#behind = true
        this.#pump()
      },
    })
  }

  /** Resolves when nothing that is committed later can be missed; undefined where that is so already. */
  get ready(): Promise<void> | undefined {
    return this.#subscription.ready
  }

  get isStarted(): boolean {
    return this.#sent !== Number.POSITIVE_INFINITY
  }

  /**
   * Sends every event of the epoch with a number above `after`, or all that are kept, whatever was sent before.
   * `behind`: the store has some of them already. `onComplete` is called once, when those have been sent.
   */
  start(epoch: string, after: number | 'oldest', behind: boolean, onComplete?: () => void): void {
    this.#epoch = epoch
    this.#onComplete = onComplete
    this.#fromOldest = after === 'oldest'
    this.#sent = after === 'oldest' ? 0 : after
    this.#behind ||= behind
    this.#waiting = this.#waiting.filter(({ seq }) => seq > this.#sent)
    const first = this.#waiting[0]
    if (first && first.seq !== this.#sent + 1) {
      this.#waiting = []
      this.#behind = true
    }
    this.#pump()
  }

  stop(): void {
    this.#stopped = true
    this.#waiting = []
    this.#subscription.end()
  }

  /**
   * Runs a task while nothing is sent: what it commits is announced before its own answer is out. Then the
   * events follow.
   */
  async after<T>(task: () => Promise<T>): Promise<T> {
    this.#holds += 1
    try {
      return await task()
    } finally {
      this.#release()
    }
  }

  #release(): void {
    this.#holds -= 1
    this.#pump()
  }

  /** An event of another epoch: what this feed counts is no more. */
  #isForeign({ epoch }: SessionEvent): boolean {
    if (this.#epoch === undefined || epoch === this.#epoch) return false
    this.#lose()
    return true
  }

  #lose(): void {
    this.stop()
    this.#reader.lost()
  }

  readonly #announced = (event: SessionEvent): void => {
    if (this.#isForeign(event)) return
    const newest = this.#waiting.at(-1)?.seq ?? this.#sent
    const isNext = newest === Number.POSITIVE_INFINITY || event.seq === newest + 1
    if (!isNext && event.seq <= newest) return
    if (this.#behind || !isNext || this.#waiting.length >= MAX_WAITING) this.#behind = true
    else this.#waiting.push(event)
    this.#pump()
  }

  get #maySend(): boolean {
    return this.isStarted && this.#holds === 0 && !this.#stopped
  }

  #pump(): void {
    while (this.#maySend) {
      const next = this.#waiting.shift()
      if (!next) break
      this.#send(next)
    }
    if (!this.#maySend) return
    if (this.#behind) void this.#catchUp()
    else this.#complete()
  }

  #complete(): void {
    const complete = this.#onComplete
    this.#onComplete = undefined
    complete?.()
  }

  #send(event: SessionEvent): void {
    if (this.#isForeign(event)) return
    if (event.seq !== this.#sent + 1 && !this.#fromOldest) {
      this.#lose()
      return
    }
    const sent = this.#reader.deliver(broadcastOf(event, this.#reader.topic))
    this.#sent = event.seq
    this.#fromOldest = false
    if (sent === 'dropped') this.stop()
    else if (sent === 'buffered') {
      this.#holds += 1
      this.#reader.onceDrained(() => this.#release())
    }
  }

  /** Reads on from what was sent. Another epoch means that what was sent is no longer in the store. */
  async #catchUp(): Promise<void> {
    const after = this.#sent
    this.#holds += 1
    this.#behind = false
    try {
      const { epoch, events: page, more } = await this.#store.events(this.#session, after, PAGE)
      if (epoch !== this.#epoch) return this.#lose()
      // What was announced meanwhile is on the page, or behind it.
      if (more || this.#waiting.length > 0) this.#behind = true
      if (this.#sent === after) this.#waiting = [...page]
      else this.#behind = true
    } catch (error) {
      this.#onError(error)
      this.#behind = true
      const delayMs = RETRY_MS * (0.5 + Math.random())
      await new Promise((resolve) => setTimeout(resolve, delayMs).unref())
    }
    this.#release()
  }
}
