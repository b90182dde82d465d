import { setImmediate } from 'node:timers/promises'
import type { AgentStore, Collection, Document, Range, SessionKey } from './store.ts'

/**
 * The documents of a collection, in the order of their ids, a page of `limit` at most at a time, to the last. Between
 * two pages others have their turn: the embedded store answers at once.
 */
export async function* pages(
  store: AgentStore,
  session: SessionKey,
  collection: Collection,
  range: Pick<Range, 'limit' | 'after'>,
): AsyncGenerator<readonly Document[]> {
  let page = await store.list(session, collection, range)
  for (let last = page.at(-1); last; last = page.at(-1)) {
    yield page
    await setImmediate()
    page = await store.list(session, collection, { limit: range.limit, after: last.id })
  }
}
