import type { AgentStore } from '../../channels/agent/store/store.ts'

/** The same store, but for what a test does in its place. */
export const inPlaceOf = (store: AgentStore, own: Partial<AgentStore>): AgentStore => ({
  now: (session) => store.now(session),
  open: (session) => store.open(session),
  get: (session, ref) => store.get(session, ref),
  list: (session, collection, range) => store.list(session, collection, range),
  count: (session, collection) => store.count(session, collection),
  commit: (session, commit) => store.commit(session, commit),
  events: (session, afterSeq, limit) => store.events(session, afterSeq, limit),
  subscribe: (session, listener) => store.subscribe(session, listener),
  writable: () => store.writable(),
  close: () => store.close(),
  ...own,
})

/** Another store in place of the server's own: they are closed together. */
export const insteadOf = (own: AgentStore, other: AgentStore): AgentStore =>
  inPlaceOf(other, {
    async close() {
      await other.close()
      await own.close()
    },
  })
