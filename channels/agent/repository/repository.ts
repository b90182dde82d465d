/** What agents query and change. The embedded repository is one; a `REPOSITORIES` module brings others. */
import type { Query } from '../query/query.ts'

/** A record: plain JSON, with its id in the field `id`. */
export type JsonRecord = { readonly id: string; readonly [field: string]: unknown }

/** A record with the version that optimistic checks compare. */
export interface VersionedRecord {
  readonly record: JsonRecord
  /**
   * At least 1; another one after every write. None comes twice, not even when the record was deleted and made
   * anew.
   */
  readonly version: number
}

export interface RepositoryType {
  readonly name: string
  /** The fields that queries may name; any where absent. `id` is always one. */
  readonly fields?: readonly string[]
}

/** One record's change, whole: what it is to be after it. */
export interface RecordChange {
  /** Applying the same change twice is the same as once. */
  readonly changeId: string
  readonly repositoryType: string
  readonly operation: 'create' | 'update' | 'delete'
  readonly recordId: string
  /** Null for a delete. */
  readonly after: JsonRecord | null
}

/**
 * Records of each business apart: `businessId` scopes every call. Implementations need not be in one
 * transaction with the agent's own state; see TransactionalRepository for one that is.
 */
export interface Repository {
  /** Asked once, at start. */
  types(): readonly RepositoryType[]
  /** By the rules of contract 7; `total` ignores limit and offset. Nobody waits for it once `signal` is aborted. */
  find(
    businessId: string,
    query: Query,
    signal?: AbortSignal,
  ): Promise<{ readonly records: readonly object[]; readonly total: number }>
  /** Takes 10 s at most: what takes longer makes no draft. */
  get(
    businessId: string,
    repositoryType: string,
    recordId: string,
  ): Promise<VersionedRecord | undefined>
  /**
   * Applies the change if the record is at `expectedVersion` (0: there is none). `conflict` changes nothing.
   * Idempotent by `changeId`: a change that was applied answers `applied` again. Takes 10 s at most: what takes
   * longer is asked again later.
   */
  apply(
    businessId: string,
    change: RecordChange,
    expectedVersion: number,
  ): Promise<'applied' | 'conflict'>
}
