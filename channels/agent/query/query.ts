/**
 * A session's query of one repository type, as plain data (contract 7). Everything in this folder is
 * pure: what a client sent goes in, a new query, the records it finds or a problem comes out.
 */

export type Scalar = string | number | boolean | null

/** What a record's field must satisfy; every condition that is there must hold. At least one is. */
export interface Conditions {
  readonly eq?: Scalar
  readonly ne?: Scalar
  readonly gt?: Scalar
  readonly gte?: Scalar
  readonly lt?: Scalar
  readonly lte?: Scalar
  readonly in?: readonly Scalar[]
  readonly nin?: readonly Scalar[]
  readonly contains?: Scalar
  readonly startsWith?: string
  readonly exists?: boolean
  /** Low and high, both included. */
  readonly between?: readonly [low: Scalar, high: Scalar]
}

/** A scalar stands for `{ eq: scalar }`. */
export type FilterValue = Scalar | Conditions

/** Keys of `filters` and `sort` and members of `fields` are field names; a dot steps into an object. */
export interface Query {
  readonly repository: string
  readonly filters: Readonly<Record<string, FilterValue>>
  /** What to show of a record, without doubles; empty means everything. */
  readonly fields: readonly string[]
  /** The first key counts most. */
  readonly sort: Readonly<Record<string, 'asc' | 'desc'>>
  readonly limit: number
  readonly offset: number
}

/** The query of a session that has modified nothing yet. */
export function defaultQuery(repository: string): Query {
  return { repository, filters: {}, fields: [], sort: {}, limit: 100, offset: 0 }
}

/** One step of a modification. With `filter`, `field` is a record's field, else a member of the query. */
export interface Modification {
  readonly field: string
  readonly operation: 'add' | 'remove' | 'modify' | 'filter'
  readonly value?: unknown
  readonly condition?: string
}

/** What is wrong with something the client sent; the `details` of an error payload (contract 5). */
export interface Problem {
  /** JSON Pointer (RFC 6901) into what the client sent; `''` is the whole of it. */
  readonly path: string
  /** One of a fixed set of sentences: nothing the client sent is in it. */
  readonly problem: string
}
