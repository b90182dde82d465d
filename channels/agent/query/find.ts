import { jsonBytes } from '../json-bytes.ts'
import { isObject, own, valueAt } from './field.ts'
import { compileFilters } from './filter.ts'
import { compareKeys, type SortKey, sortKey } from './order.ts'
import type { Query } from './query.ts'

/** A JSON object with its text `id`. */
type StoredRecord = Readonly<Record<string, unknown>>

/** JSON, in UTF-8, of the records from the first to the last of the page. */
const MAX_BYTES = 16_777_216

/** The records from the first to the last of the query's page are more than a search may hold. */
export class TooMuchFound extends Error {
  override readonly name = 'TooMuchFound'
}

/** A record that may be on the page: what is shown of it, and its place in the order. */
interface Candidate {
  readonly keys: readonly SortKey[]
  readonly record: Record<string, unknown>
  readonly bytes: number
}

/**
 * Finds a query's page (contract 7) among records that are given one after the other, and holds no more of them
 * than the page, and what is before it, may need. Time grows as n log n at most. What it finds are fresh objects,
 * but nested values are those of the given records.
 */
export class Search {
  readonly #wanted: number
  readonly #offset: number
  readonly #passes: (record: unknown) => boolean
  readonly #project: (record: StoredRecord) => Record<string, unknown>
  readonly #order: Order
  #candidates: Candidate[] = []
  #bytes = 0
  #total = 0
  /** What does not come before this one is behind the page. */
  #last: Candidate | undefined

  constructor({ filters, fields, sort, limit, offset }: Query) {
    this.#wanted = offset + limit
    this.#offset = offset
    this.#passes = compileFilters(filters)
    this.#project = projection(fields)
    this.#order = orderBy(sort)
  }

  /** Throws TooMuchFound. */
  add(record: StoredRecord): void {
    if (!this.#passes(record)) return
    this.#total += 1
    const keys = this.#order.keysOf(record)
    if (this.#last && this.#order.compare(keys, this.#last.keys) >= 0) return
    const shown = this.#project(record)
    const bytes = jsonBytes([shown, keys])
    this.#candidates.push({ keys, record: shown, bytes })
    this.#bytes += bytes
    const isMany = this.#candidates.length > 2 * this.#wanted || this.#bytes > 2 * MAX_BYTES
    if (isMany) this.#settle()
  }

  /** The records of the page, and how many there are on all pages. Throws TooMuchFound. */
  page(): { records: Record<string, unknown>[]; total: number } {
    this.#settle()
    const page = this.#candidates.slice(this.#offset)
    return { records: page.map(({ record }) => record), total: this.#total }
  }

  /** Keeps what may be on the page, in its order: equal ones as they came. Not done for each that is added. */
  #settle(): void {
    this.#candidates = this.#candidates
      .sort((a, b) => this.#order.compare(a.keys, b.keys))
      .slice(0, this.#wanted)
    if (this.#candidates.length === this.#wanted) this.#last = this.#candidates.at(-1)
    this.#bytes = this.#candidates.reduce((sum, { bytes }) => sum + bytes, 0)
    if (this.#bytes > MAX_BYTES) throw new TooMuchFound()
  }
}

interface Order {
  keysOf(record: StoredRecord): readonly SortKey[]
  compare(a: readonly SortKey[], b: readonly SortKey[]): number
}

/** By the sort fields in their order, then by id. */
function orderBy(sort: Query['sort']): Order {
  const columns = [...Object.entries(sort), ['id', 'asc'] as const].map(([name, direction]) => {
    return { path: name.split('.'), sign: direction === 'desc' ? -1 : 1 }
  })
  return {
    keysOf: (record) => columns.map(({ path }) => sortKey(valueAt(record, path))),
    compare(a, b) {
      for (const [index, { sign }] of columns.entries()) {
        const order = compareKeys(a[index] ?? MISSING, b[index] ?? MISSING)
        if (order !== 0) return order * sign
      }
      return 0
    },
  }
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
