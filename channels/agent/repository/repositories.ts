import type { Repository } from './repository.ts'
import type { TransactionalRepository } from './transactional.ts'

export type AnyRepository = Repository | TransactionalRepository

export interface KnownType {
  readonly repository: AnyRepository
  /** The fields that queries may name; undefined: any. */
  readonly fields: ReadonlySet<string> | undefined
}

/**
 * Which repository holds which type. A later repository's type takes the place of an earlier one's, so that
 * a module can replace an embedded type; within one module a type may come only once.
 */
export function repositoriesByType(
  repositories: readonly AnyRepository[],
): ReadonlyMap<string, KnownType> {
  const types = new Map<string, KnownType>()
  for (const repository of repositories) {
    for (const { name, fields } of repository.types()) {
      types.set(name, { repository, fields: fields && new Set(fields) })
    }
  }
  return types
}
