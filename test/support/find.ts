import { Search } from '../../channels/agent/query/find.ts'
import type { Query } from '../../channels/agent/query/query.ts'

/** What a query finds among records that are all there. */
export function find(
  records: Iterable<Readonly<Record<string, unknown>>>,
  query: Query,
): ReturnType<Search['page']> {
  const search = new Search(query)
  for (const record of records) search.add(record)
  return search.page()
}
