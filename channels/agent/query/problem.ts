import { QUERY_LIMITS } from './limits.ts'
import type { Problem } from './query.ts'

/** Every sentence that a {@link Problem} can say. */
export const PROBLEMS = {
  modifications: `must be a list of 1 to ${QUERY_LIMITS.modifications} modifications`,
  modificationObject: 'must be an object with at least one of filters, fields, sort, limit, offset',
  modification: 'must be an object with a field and an operation',
  unknownKey: 'is no part of a modification',
  operation: 'must be one of add, remove, modify, filter',
  queryField: 'must be one of filters, fields, sort, limit, offset',
  condition: 'must be a known condition',
  strayCondition: 'belongs to the operation filter only',
  fieldName: 'must be a field name',
  undeclared: 'is no field of this repository',
  filters: 'must be an object of filters',
  filterValue: 'must be a scalar or an object with at least one condition',
  names: `must be a list of at most ${QUERY_LIMITS.listItems} field names`,
  sort: 'must be an object of asc or desc',
  direction: 'must be asc or desc',
  limit: `must be a whole number from 1 to ${QUERY_LIMITS.limit}`,
  offset: `must be a whole number from 0 to ${QUERY_LIMITS.offset}`,
  scalar: 'must be a text, a finite number, true, false or null',
  text: 'must be a text',
  boolean: 'must be true or false',
  scalars: `must be a list of at most ${QUERY_LIMITS.listItems} scalars`,
  between: 'must be a list of two scalars, low and high',
  longText: `must be at most ${QUERY_LIMITS.textChars} characters long`,
  tooManyFilters: `makes more than ${QUERY_LIMITS.filters} filters`,
  tooManyFields: `makes more than ${QUERY_LIMITS.fields} fields`,
  tooManySortKeys: `makes more than ${QUERY_LIMITS.sort} fields to sort by`,
  tooLarge: `makes the query larger than ${QUERY_LIMITS.queryBytes} bytes of JSON`,
  tooLargeItself: `must be at most ${QUERY_LIMITS.queryBytes} bytes of JSON`,
} as const

/** A problem of the checked value itself, or of what `path` leads to in it. */
export function problem(sentence: keyof typeof PROBLEMS, path = ''): Problem {
  return { path, problem: PROBLEMS[sentence] }
}

/**
 * The same problem seen from the object or list that holds the checked value under `key`. No name the
 * rules admit is longer than 64: a longer key is not repeated, the path ends at its holder.
 */
export function within(key: string | number, found: Problem): Problem {
  const token = String(key)
  if (token.length > 64) return { ...found, path: '' }
  return { ...found, path: `/${token.replaceAll('~', '~0').replaceAll('/', '~1')}${found.path}` }
}

/** The first problem of any member, seen from the object or list that holds the members. */
export function firstWithin<K extends string | number>(
  members: Iterable<readonly [K, unknown]>,
  check: (value: unknown, key: K) => Problem | undefined,
): Problem | undefined {
  for (const [key, value] of members) {
    const found = check(value, key)
    if (found) return within(key, found)
  }
  return undefined
}
