/** Some modifications of a query, and in plain words what each does to it; none: it is refused. */
import type { Query } from '../../../channels/agent/query/query.ts'

interface Modification {
  readonly sent: ReturnType<typeof as>
  readonly apply?: (query: Query) => Query
}

const as = (field: string, operation: string, value: unknown) => ({ field, operation, value })

const BY_NAME = {
  olderThan1: {
    sent: as('filters', 'add', { age: { gt: 1 } }),
    apply: (query) => ({ ...query, filters: { ...query.filters, age: { gt: 1 } } }),
  },
  named: {
    sent: as('filters', 'modify', { name: 'a' }),
    apply: (query) => ({ ...query, filters: { ...query.filters, name: 'a' } }),
  },
  anyAge: {
    sent: as('filters', 'remove', ['age']),
    apply(query) {
      const { age, ...filters } = query.filters
      return { ...query, filters }
    },
  },
  nameOnly: {
    sent: as('fields', 'modify', ['name']),
    apply: (query) => ({ ...query, fields: ['name'] }),
  },
  ageToo: {
    sent: as('fields', 'add', 'age'),
    apply: (query) => ({ ...query, fields: [...new Set([...query.fields, 'age'])] }),
  },
  byAge: {
    sent: as('sort', 'modify', { age: 'desc' }),
    apply: (query) => ({ ...query, sort: { age: 'desc' as const } }),
  },
  unsorted: { sent: as('sort', 'remove', null), apply: (query) => ({ ...query, sort: {} }) },
  two: { sent: as('limit', 'modify', 2), apply: (query) => ({ ...query, limit: 2 }) },
  second: { sent: as('offset', 'modify', 1), apply: (query) => ({ ...query, offset: 1 }) },
  nothing: { sent: as('limit', 'modify', 0) },
  hostile: { sent: as('fields', 'add', '__proto__') },
} as const satisfies Readonly<Record<string, Modification>>

export type ModificationName = keyof typeof BY_NAME
export const MODIFICATIONS: Readonly<Record<ModificationName, Modification>> = BY_NAME

/** The object form has one member for each field, as a `modify`. */
export const asObject = (names: readonly ModificationName[]): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    names.map((name) => [MODIFICATIONS[name].sent.field, MODIFICATIONS[name].sent.value]),
  )
