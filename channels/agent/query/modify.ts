import { jsonBytes } from '../json-bytes.ts'
import { isObject, type NameRule, nameRule } from './field.ts'
import { filterProblem, isCondition, operandProblem } from './filter.ts'
import { QUERY_LIMITS } from './limits.ts'
import { problem, within } from './problem.ts'
import type { FilterValue, Modification, Problem, Query } from './query.ts'
import { STEPS } from './steps.ts'

interface Refused {
  readonly problems: readonly Problem[]
}

/** The new query, and what is to be recorded as its making. */
interface Modified {
  readonly query: Query
  readonly list: readonly Modification[]
}

/**
 * Applies the list of `agent_query_modify` (contract 7): 1 to 100 modifications, in order, whole or, at
 * the first problem, not at all. Paths lead into the list (`/0/value`). `modifications` is any JSON value;
 * `query` is not changed, but shares what stays the same with the new one, as `modifications` does.
 * `declared` are the names of the repository's fields, where it declares them.
 */
export function applyModifications(
  query: Query,
  modifications: unknown,
  declared?: ReadonlySet<string>,
): Modified | Refused {
  const count = Array.isArray(modifications) ? modifications.length : 0
  if (!Array.isArray(modifications) || count === 0 || count > QUERY_LIMITS.modifications) {
    return { problems: [problem('modifications')] }
  }
  return applyAll(query, modifications, declared, within)
}

/**
 * Applies the object of `agent_modify_query` (contract 7), in the order of its keys. As
 * {@link applyModifications} otherwise, but paths lead into the object (`/limit`, `/filters/status`).
 */
export function applyModificationObject(
  query: Query,
  modifications: unknown,
  declared?: ReadonlySet<string>,
): Modified | Refused {
  const parsed = listFromObject(modifications)
  if ('problems' in parsed) return parsed
  return applyAll(query, parsed.list, declared, (index, found) => {
    const key = parsed.list[index]?.field ?? ''
    return within(key, { ...found, path: found.path.replace(/^\/value/, '') })
  })
}

/** Each key a `modify`. Keys are checked, values are not. */
function listFromObject(
  modifications: unknown,
): { readonly list: readonly Modification[] } | Refused {
  const entries = isObject(modifications) ? Object.entries(modifications) : []
  if (entries.length === 0) return { problems: [problem('modificationObject')] }
  const known = STEPS.get('modify')
  const stray = entries.find(([key]) => !known?.has(key))
  if (stray) return { problems: [within(stray[0], problem('queryField'))] }
  return { list: entries.map(([field, value]) => ({ field, operation: 'modify', value })) }
}

function applyAll(
  query: Query,
  list: readonly unknown[],
  declared: ReadonlySet<string> | undefined,
  locate: (index: number, found: Problem) => Problem,
): Modified | Refused {
  const rule = nameRule(declared)
  let next = query
  for (const [index, modification] of list.entries()) {
    const result = applyOne(next, modification, rule)
    if ('problem' in result) return { problems: [locate(index, result)] }
    next = result
  }
  const isTooLarge = (value: unknown) => jsonBytes(value) > QUERY_LIMITS.queryBytes
  if (isTooLarge(next)) return { problems: [problem('tooLarge')] }
  if (isTooLarge(list)) return { problems: [problem('tooLargeItself')] }
  // Every one of them was applied, so they are what the type says.
  return { query: next, list: list as readonly Modification[] }
}

const KEYS: ReadonlySet<string> = new Set(['field', 'operation', 'value', 'condition'])

function applyOne(query: Query, modification: unknown, rule: NameRule): Query | Problem {
  if (!isObject(modification)) return problem('modification')
  const stray = Object.keys(modification).find((key) => !KEYS.has(key))
  if (stray !== undefined) return within(stray, problem('unknownKey'))
  const { field, operation, value, condition } = modification
  if (operation === 'filter') return addFilter(query, field, value, condition, rule)
  const steps = STEPS.get(operation)
  if (!steps) return problem('operation', '/operation')
  const step = steps.get(field)
  if (!step) return problem('queryField', '/field')
  if (condition !== undefined) return problem('strayCondition', '/condition')
  const found = step.problem(value, rule, query)
  return found ? within('value', found) : withinBounds(step.apply(query, value))
}

/** The row `filter` of contract 7: `field` is the record's. */
function addFilter(
  query: Query,
  field: unknown,
  value: unknown,
  condition: unknown,
  rule: NameRule,
): Query | Problem {
  const badName = rule(field)
  if (badName) return within('field', badName)
  if (condition !== undefined && !isCondition(condition)) return problem('condition', '/condition')
  const badValue = condition === undefined ? filterProblem(value) : operandProblem(condition, value)
  if (badValue) return within('value', badValue)
  const filter = condition === undefined ? value : { [condition]: value }
  // What the checks above admitted: a name is text, and the filter is one.
  const filters = { ...query.filters, [String(field)]: filter as FilterValue }
  return withinBounds({ ...query, filters })
}

function withinBounds(query: Query): Query | Problem {
  const { filters, fields, sort } = query
  if (Object.keys(filters).length > QUERY_LIMITS.filters) return problem('tooManyFilters')
  if (fields.length > QUERY_LIMITS.fields) return problem('tooManyFields')
  if (Object.keys(sort).length > QUERY_LIMITS.sort) return problem('tooManySortKeys')
  return query
}
