import { sessionName } from './store/keys.ts'
import type {
  AgentStore,
  EventPage,
  SessionKey,
  SessionListener,
  SessionSubscription,
} from './store/store.ts'

/** What a feed needs of the store. */
export type EventSource = Pick<AgentStore, 'subscribe' | 'events'>

/** Enough to keep the store busy, and few enough that none of them waits there for its deadline. */
const AT_ONCE = 16

interface Read {
  readonly begin: () => void
  readonly page: Promise<EventPage>
}

/**
 * The events of the store for all feeds of a node, who come all at once after a gap: a few pages are read at a time,
 * in the order in which they were asked for, and feeds that want the same page share one read. But none that has
 * begun: it may miss what the feed was told of since.
 */
export class SharedReads implements EventSource {
  readonly #store: EventSource
  /** Not begun yet. */
  readonly #waiting = new Map<string, Read>()
  #running = 0

  constructor(store: EventSource) {
    this.#store = store
  }

  subscribe(session: SessionKey, listener: SessionListener): SessionSubscription {
    return this.#store.subscribe(session, listener)
  }

  events(session: SessionKey, afterSeq: number, limit: number): Promise<EventPage> {
    const key = `${sessionName(session)} ${afterSeq} ${limit}`
    const known = this.#waiting.get(key)
    if (known) return known.page
    let begin = (): void => {}
    const begun = new Promise<void>((resolve) => {
      begin = resolve
    })
    const page = begun.then(() => this.#store.events(session, afterSeq, limit))
    this.#waiting.set(key, { begin, page })
    // All sockets of a session are told of a gap in one go.
    queueMicrotask(() => this.#next())
    return page
  }

  #next(): void {
    const ended = (): void => {
      this.#running -= 1
      this.#next()
    }
    for (const [key, { begin, page }] of this.#waiting) {
      if (this.#running === AT_ONCE) return
      this.#waiting.delete(key)
      this.#running += 1
      begin()
      void page.then(ended, ended)
    }
  }
}
