/** How large queries and modifications may be. `limit` and `offset`: contract 7; the rest is ours. */
export const QUERY_LIMITS = {
  /** Modifications in one request. */
  modifications: 100,
  /** Fields that are filtered. */
  filters: 100,
  /** Fields that are shown. */
  fields: 100,
  /** Fields that are sorted by. */
  sort: 16,
  /** Members of a list in a value. */
  listItems: 1_000,
  /** UTF-16 code units of a text in a filter. */
  textChars: 10_000,
  /**
   * The whole query as JSON, in UTF-8, and what is recorded as its making: each modification kept in a history repeats
   * both.
   */
  queryBytes: 262_144,
  /** The greatest `limit`; the least is 1. */
  limit: 1_000,
  /** The greatest `offset`; the least is 0. */
  offset: 1_000_000,
} as const
