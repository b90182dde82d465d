import type {
  AgentStore,
  CommitResult,
  DocumentRef,
  SessionEvent,
  SessionKey,
  SessionListener,
} from '../../channels/agent/store/store.ts'

/** What the suites of AgentStore are run on. */
export interface StoreSetup {
  /** Empty. */
  readonly store: AgentStore
  /** The time that the store goes by; it starts anywhere, and stands still. */
  readonly clock: { advance(ms: number): void }
  /**
   * Closes the store and opens another on the same data and clock; `cleanup` sees to that one too.
   */
  reopen(): Promise<AgentStore>
  /** Closes the store and removes its data. */
  cleanup(): Promise<void>
}

/** A part of the contract: it defines its tests, which ask for the setup when they run. */
export type Suite = (setup: () => StoreSetup) => void

export const SESSION: SessionKey = { businessId: 'b1', sessionId: 's1' }

/** A document of the session's own. */
export const own = (id: string, name = 'notes'): DocumentRef => ({ scope: 'session', name, id })

/** A document of the business. */
export const shared = (id: string, name = 'notes'): DocumentRef => ({ scope: 'business', name, id })

/** Puts one document, whatever there was. */
export function put(
  store: AgentStore,
  session: SessionKey,
  ref: DocumentRef,
  value: unknown,
): Promise<CommitResult> {
  return store.commit(session, { expect: [], put: [{ ref, value }] })
}

/** Commits one event and nothing else; the payload tells which one. */
export async function emit(
  store: AgentStore,
  session: SessionKey,
  payload: object = {},
): Promise<SessionEvent> {
  const result = await store.commit(session, { expect: [], event: { event: 'happened', payload } })
  if (!result.committed || !result.event) throw new Error('an event that was not committed')
  return result.event
}

/** The kept events above a number. */
export async function eventsOf(
  store: AgentStore,
  session: SessionKey,
  afterSeq: number,
  limit: number,
): Promise<readonly SessionEvent[]> {
  return (await store.events(session, afterSeq, limit)).events
}

/** The version of a document; 0 where there is none. */
export async function versionOf(
  store: AgentStore,
  session: SessionKey,
  ref: DocumentRef,
): Promise<number> {
  return (await store.get(session, ref))?.version ?? 0
}

/** A listener that only wants the events. */
export const hears = (event: (event: SessionEvent) => unknown): SessionListener => ({
  event: (heard) => void event(heard),
  gap() {},
})

/** What a listener of a session hears. A store may tell it later than who committed. */
export interface Ear {
  /** In the order in which it came. */
  readonly heard: readonly SessionEvent[]
  /** What it has heard when that is so many events, or more. */
  until(count: number): Promise<readonly SessionEvent[]>
  leave(): void
}

export function listen(store: AgentStore, session: SessionKey): Ear {
  const heard: SessionEvent[] = []
  const waiting = new Set<() => void>()
  const subscription = store.subscribe(
    session,
    hears((event) => {
      heard.push(event)
      for (const check of waiting) check()
    }),
  )
  const until = (count: number): Promise<readonly SessionEvent[]> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (heard.length >= count) resolve(heard)
      }
      waiting.add(check)
      check()
    })
  return { heard, until, leave: () => subscription.end() }
}
