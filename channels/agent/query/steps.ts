import { isObject, type NameRule } from './field.ts'
import { filtersProblem } from './filter.ts'
import { QUERY_LIMITS } from './limits.ts'
import { firstWithin, problem } from './problem.ts'
import { defaultQuery, type Problem, type Query } from './query.ts'

/** What one operation does to one member of the query. */
export interface Step {
  /** What is wrong with the value, with a path into it. */
  readonly problem: (value: unknown, rule: NameRule, query: Query) => Problem | undefined
  /** The query after it, for a value that has no problem. */
  readonly apply: (query: Query, value: unknown) => Query
}

/** The one place that trusts a value's type: `check` is what made sure of it. */
function step<T>(check: Step['problem'], apply: (query: Query, value: T) => Query): Step {
  return { problem: check, apply: (query, value) => apply(query, value as T) }
}

type Names = string | readonly string[]

function setOf(names: Names): ReadonlySet<string> {
  return new Set(typeof names === 'string' ? [names] : names)
}

function fieldsProblem(value: unknown, rule: NameRule): Problem | undefined {
  if (!Array.isArray(value) || value.length > QUERY_LIMITS.listItems) return problem('names')
  return firstWithin(value.entries(), rule)
}

function namesProblem(value: unknown, rule: NameRule): Problem | undefined {
  return typeof value === 'string' ? rule(value) : fieldsProblem(value, rule)
}

/** What a query has already can be dropped, also when the repository no longer declares it. */
function orPresent(present: readonly unknown[], rule: NameRule): NameRule {
  return (name) => (present.includes(name) ? undefined : rule(name))
}

function sortProblem(value: unknown, rule: NameRule): Problem | undefined {
  if (!isObject(value)) return problem('sort')
  return firstWithin(Object.entries(value), (direction, name) => {
    return rule(name) ?? (DIRECTIONS.has(direction) ? undefined : problem('direction'))
  })
}

const DIRECTIONS: ReadonlySet<unknown> = new Set(['asc', 'desc'])

function isWhole(value: unknown, from: number, to: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= from && value <= to
}

const mergeFilters = step<Query['filters']>(filtersProblem, (query, filters) => {
  return { ...query, filters: { ...query.filters, ...filters } }
})

const dropFilters = step<Names>(
  (value, rule, { filters }) => namesProblem(value, orPresent(Object.keys(filters), rule)),
  (query, names) => {
    const gone = setOf(names)
    const kept = Object.entries(query.filters).filter(([name]) => !gone.has(name))
    return { ...query, filters: Object.fromEntries(kept) }
  },
)

const appendFields = step<Names>(namesProblem, (query, names) => {
  return { ...query, fields: [...new Set([...query.fields, ...setOf(names)])] }
})

const dropFields = step<Names>(
  (value, rule, { fields }) => namesProblem(value, orPresent(fields, rule)),
  (query, names) => {
    const gone = setOf(names)
    return { ...query, fields: query.fields.filter((name) => !gone.has(name)) }
  },
)

const setFields = step<readonly string[]>(fieldsProblem, (query, names) => {
  return { ...query, fields: [...new Set(names)] }
})

/** A field that is sorted by already keeps its place. */
const mergeSort = step<Query['sort']>(sortProblem, (query, sort) => {
  return { ...query, sort: { ...query.sort, ...sort } }
})

const setSort = step<Query['sort']>(sortProblem, (query, sort) => ({ ...query, sort }))

const setLimit = step<number>(
  (value) => (isWhole(value, 1, QUERY_LIMITS.limit) ? undefined : problem('limit')),
  (query, limit) => ({ ...query, limit }),
)

const setOffset = step<number>(
  (value) => (isWhole(value, 0, QUERY_LIMITS.offset) ? undefined : problem('offset')),
  (query, offset) => ({ ...query, offset }),
)

/** Back to the default, whatever the value. */
function reset(field: 'sort' | 'limit' | 'offset'): Step {
  return {
    problem: () => undefined,
    apply: (query) => ({ ...query, [field]: defaultQuery(query.repository)[field] }),
  }
}

/** The table of contract 7 by operation and member, but for its row `filter`. */
export const STEPS: ReadonlyMap<unknown, ReadonlyMap<unknown, Step>> = new Map([
  [
    'add',
    new Map([
      ['filters', mergeFilters],
      ['fields', appendFields],
      ['sort', mergeSort],
      ['limit', setLimit],
      ['offset', setOffset],
    ]),
  ],
  [
    'remove',
    new Map([
      ['filters', dropFilters],
      ['fields', dropFields],
      ['sort', reset('sort')],
      ['limit', reset('limit')],
      ['offset', reset('offset')],
    ]),
  ],
  [
    'modify',
    new Map([
      ['filters', mergeFilters],
      ['fields', setFields],
      ['sort', setSort],
      ['limit', setLimit],
      ['offset', setOffset],
    ]),
  ],
])
