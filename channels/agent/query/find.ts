import { isObject, own, valueAt } from './field.ts'
import { compileFilters } from './filter.ts'
import { compareKeys, type SortKey, sortKey } from './order.ts'
import type { Query } from './query.ts'

/** A JSON object with its text `id`. */
type StoredRecord = Readonly<Record<string, unknown>>

/**
 * The records of a query's page, and how many there are on all pages (contract 7). Time grows as
 * n log n. Records are fresh objects, but nested values are those of the given ones.
 */
export function find(
  records: Iterable<StoredRecord>,
  query: Query,
): { records: Record<string, unknown>[]; total: number } {
  const passes = compileFilters(query.filters)
  const found: StoredRecord[] = []
  for (const record of records) if (passes(record)) found.push(record)
  const page = sorted(found, query.sort).slice(query.offset, query.offset + query.limit)
  return { records: page.map(projection(query.fields)), total: found.length }
}

/** Whether one record passes all filters. For many records, {@link find} is the faster way. */
export function matches(record: StoredRecord, filters: Query['filters']): boolean {
  return compileFilters(filters)(record)
}

/** By the sort fields in their order, then by id; equal ones stay as they came. */
function sorted(records: readonly StoredRecord[], sort: Query['sort']): StoredRecord[] {
  const columns = [...Object.entries(sort), ['id', 'asc'] as const].map(([name, direction]) => {
    return { path: name.split('.'), sign: direction === 'desc' ? -1 : 1 }
  })
  const compare = (a: readonly SortKey[], b: readonly SortKey[]): number => {
    for (const [index, { sign }] of columns.entries()) {
      const order = compareKeys(a[index] ?? MISSING, b[index] ?? MISSING)
      if (order !== 0) return order * sign
    }
    return 0
  }
  return records
    .map((record) => ({ record, keys: columns.map(({ path }) => sortKey(valueAt(record, path))) }))
    .sort((a, b) => compare(a.keys, b.keys))
    .map(({ record }) => record)
}

const MISSING = sortKey(undefined)

/** What to keep of an object, by name. A branch without names keeps the whole value. */
interface Branch extends ReadonlyMap<string, Branch> {}

function projection(fields: readonly string[]): (record: StoredRecord) => Record<string, unknown> {
  if (fields.length === 0) return (record) => ({ ...record })
  const tree = branch(['id', ...fields].map((name) => name.split('.')))
  return (record) => pick(record, tree)
}

/** `a` besides `a.b` keeps all of `a`. */
function branch(paths: readonly (readonly string[])[]): Branch {
  const names = new Set(paths.flatMap(([first]) => first ?? []))
  return new Map(
    [...names].map((name) => {
      const rests = paths.filter(([first]) => first === name).map(([, ...rest]) => rest)
      return [name, branch(rests.some((rest) => rest.length === 0) ? [] : rests)]
    }),
  )
}

/** The nested structure is kept; what a path does not lead to is left out, with the way to it. */
function pick(value: StoredRecord, tree: Branch): Record<string, unknown> {
  const kept: [string, unknown][] = []
  for (const [name, inner] of tree) {
    const member = own(value, name)
    if (member === undefined) continue
    if (inner.size === 0) kept.push([name, member])
    else if (isObject(member)) {
      const part = pick(member, inner)
      if (Object.keys(part).length > 0) kept.push([name, part])
    }
  }
  return Object.fromEntries(kept)
}
