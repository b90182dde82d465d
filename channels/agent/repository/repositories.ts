import { NAME } from '../name.ts'
import { nameRule } from '../query/field.ts'
import type { Repository } from './repository.ts'
import type { TransactionalRepository } from './transactional.ts'

export type AnyRepository = Repository | TransactionalRepository

export interface KnownType {
  readonly repository: AnyRepository
  /** The fields that queries may name; undefined: any. */
  readonly fields: ReadonlySet<string> | undefined
}

const fieldProblem = nameRule()

/** Which repository holds which type. Throws TypeError for a type that is none, or that two hold. */
export function knownTypes(repositories: readonly AnyRepository[]): ReadonlyMap<string, KnownType> {
  const known = new Map<string, KnownType>()
  for (const repository of repositories) {
    const types: unknown = repository.types()
    if (!Array.isArray(types)) throw new TypeError('types() must return a list')
    for (const type of types) {
      const { name, fields } = checkedType(type)
      if (known.has(name)) throw new TypeError(`the type ${name} comes twice`)
      known.set(name, { repository, fields: fields && new Set(fields) })
    }
  }
  return known
}

function checkedType(type: unknown): {
  readonly name: string
  readonly fields?: readonly string[]
} {
  const { name, fields } = Object(type) as { readonly name?: unknown; readonly fields?: unknown }
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw new TypeError(`a type’s name must match ${NAME.source}`)
  }
  if (fields === undefined) return { name }
  if (Array.isArray(fields) && !fields.some(fieldProblem)) return { name, fields }
  throw new TypeError(`the fields of the type ${name} must be a list of field names`)
}
