import type { Commit, SessionKey } from '../store/store.ts'
import type { RecordChange, Repository, VersionedRecord } from './repository.ts'

/** A part of a commit to the agent store. */
export type CommitPart = Required<Pick<Commit, 'expect' | 'put' | 'remove'>>

/**
 * A repository whose records live in the agent store: a decision, the record it changes and the event that
 * tells of it are one commit.
 */
export interface TransactionalRepository extends Omit<Repository, 'apply'> {
  /** Whether one more record of a type may be created. */
  hasRoom(businessId: string, repositoryType: string): Promise<boolean>
  /** What a commit must contain to apply the change to a record at `expectedVersion`. */
  stage(change: RecordChange, expectedVersion: number): CommitPart
  /** In the session's own view, so that a commit can expect what was read. */
  get(
    businessId: string,
    repositoryType: string,
    recordId: string,
  ): Promise<VersionedRecord | undefined>
}

/** One that applies changes by itself is none, whatever else it has. */
export const isTransactional = (
  repository: Repository | TransactionalRepository,
): repository is TransactionalRepository => !('apply' in repository)

/** Records belong to the business. The store's calls name a session, too: one that no client can name. */
export const businessKey = (businessId: string): SessionKey => ({ businessId, sessionId: '' })
