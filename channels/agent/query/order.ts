/** By UTF-16 code unit: the same on every node, whatever its locale. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

/** A value's place in the order of all values, computed once per record and sort field. */
export interface SortKey {
  readonly rank: number
  readonly value: boolean | number | string
}

/**
 * The total order that records are sorted by: missing and null (equal), then false, true, then numbers,
 * then text by code unit, then objects and lists (equal).
 */
export function sortKey(value: unknown): SortKey {
  if (value === undefined || value === null) return { rank: 0, value: 0 }
  if (typeof value === 'boolean') return { rank: 1, value }
  if (typeof value === 'number') return { rank: 2, value }
  if (typeof value === 'string') return { rank: 3, value }
  return { rank: 4, value: 0 }
}

/** Less than, equal to or greater than zero. */
export function compareKeys(a: SortKey, b: SortKey): number {
  if (a.rank !== b.rank) return a.rank - b.rank
  if (a.value === b.value) return 0
  return a.value < b.value ? -1 : 1
}
