import { isObject, type NameRule, valueAt } from './field.ts'
import { QUERY_LIMITS } from './limits.ts'
import { compareText } from './order.ts'
import { firstWithin, problem } from './problem.ts'
import type { FilterValue, Problem, Query, Scalar } from './query.ts'

/** Whether a field's value passes; `undefined` is the value of a missing field. */
type Test = (value: unknown) => boolean

/** One condition: what it takes, and what it means. */
interface Condition {
  /** What is wrong with an operand, with a path into it. */
  readonly problem: (operand: unknown) => Problem | undefined
  /** The test for an operand that has no problem. */
  readonly test: (operand: unknown) => Test
}

/** The one place that trusts an operand's type: `check` is what made sure of it. */
function condition<T>(check: Condition['problem'], test: (operand: T) => Test): Condition {
  return { problem: check, test: (operand) => test(operand as T) }
}

function scalarProblem(operand: unknown): Problem | undefined {
  if (typeof operand === 'string') return textProblem(operand)
  // JSON has infinity: 1e999 is one.
  const isScalar = operand === null || typeof operand === 'boolean' || Number.isFinite(operand)
  return isScalar ? undefined : problem('scalar')
}

function textProblem(operand: unknown): Problem | undefined {
  if (typeof operand !== 'string') return problem('text')
  return operand.length > QUERY_LIMITS.textChars ? problem('longText') : undefined
}

function booleanProblem(operand: unknown): Problem | undefined {
  return typeof operand === 'boolean' ? undefined : problem('boolean')
}

function scalarsProblem(operand: unknown): Problem | undefined {
  if (!Array.isArray(operand) || operand.length > QUERY_LIMITS.listItems) return problem('scalars')
  return firstWithin(operand.entries(), scalarProblem)
}

function boundsProblem(operand: unknown): Problem | undefined {
  if (!Array.isArray(operand) || operand.length !== 2) return problem('between')
  return firstWithin(operand.entries(), scalarProblem)
}

/** Numbers with numbers, text with text. Else NaN, which is neither less, nor equal, nor greater. */
function compare(value: unknown, operand: Scalar): number {
  if (typeof value === 'number' && typeof operand === 'number') return value - operand
  if (typeof value === 'string' && typeof operand === 'string') return compareText(value, operand)
  return Number.NaN
}

function contains(value: unknown, operand: Scalar): boolean {
  if (typeof value === 'string') return typeof operand === 'string' && value.includes(operand)
  return Array.isArray(value) && value.includes(operand)
}

/** The conditions by name. `ne`, `nin` and `exists: false` are the only ones that undefined passes. */
const CONDITIONS: ReadonlyMap<unknown, Condition> = new Map([
  ['eq', condition<Scalar>(scalarProblem, (to) => (value) => value === to)],
  ['ne', condition<Scalar>(scalarProblem, (to) => (value) => value !== to)],
  ['gt', condition<Scalar>(scalarProblem, (than) => (value) => compare(value, than) > 0)],
  ['gte', condition<Scalar>(scalarProblem, (than) => (value) => compare(value, than) >= 0)],
  ['lt', condition<Scalar>(scalarProblem, (than) => (value) => compare(value, than) < 0)],
  ['lte', condition<Scalar>(scalarProblem, (than) => (value) => compare(value, than) <= 0)],
  [
    'between',
    condition<readonly [Scalar, Scalar]>(boundsProblem, ([low, high]) => {
      return (value) => compare(value, low) >= 0 && compare(value, high) <= 0
    }),
  ],
  [
    'in',
    condition<readonly unknown[]>(scalarsProblem, (list) => {
      const set = new Set(list)
      return (value) => set.has(value)
    }),
  ],
  [
    'nin',
    condition<readonly unknown[]>(scalarsProblem, (list) => {
      const set = new Set(list)
      return (value) => !set.has(value)
    }),
  ],
  ['contains', condition<Scalar>(scalarProblem, (what) => (value) => contains(value, what))],
  [
    'startsWith',
    condition<string>(textProblem, (start) => {
      return (value) => typeof value === 'string' && value.startsWith(start)
    }),
  ],
  ['exists', condition<boolean>(booleanProblem, (is) => (value) => (value !== undefined) === is)],
])

/** Whether there is a condition of this name. */
export function isCondition(name: unknown): name is string {
  return CONDITIONS.has(name)
}

/** What is wrong with the operand of a condition. */
export function operandProblem(name: string, operand: unknown): Problem | undefined {
  const known = CONDITIONS.get(name)
  return known ? known.problem(operand) : problem('condition')
}

/** What is wrong with the filter of one field. */
export function filterProblem(value: unknown): Problem | undefined {
  if (Array.isArray(value)) return problem('filterValue')
  if (!isObject(value)) return scalarProblem(value)
  const conditions = Object.entries(value)
  if (conditions.length === 0) return problem('filterValue')
  return firstWithin(conditions, (operand, name) => operandProblem(name, operand))
}

/** What is wrong with an object of filters. */
export function filtersProblem(value: unknown, rule: NameRule): Problem | undefined {
  if (!isObject(value)) return problem('filters')
  return firstWithin(Object.entries(value), (filter, name) => rule(name) ?? filterProblem(filter))
}

function testOf(filter: FilterValue): Test {
  const conditions = isObject(filter) ? Object.entries(filter) : [['eq', filter] as const]
  const tests = conditions.map(([name, operand]) => CONDITIONS.get(name)?.test(operand))
  return (value) => tests.every((test) => test?.(value))
}

/**
 * Makes one test of all filters, to be used for many records: names are taken apart and lists become sets
 * here, once. The filters are those of a query that `modify.ts` made; an unknown condition never holds.
 */
export function compileFilters(filters: Query['filters']): (record: unknown) => boolean {
  const tests = Object.entries(filters).map(([name, filter]) => {
    return { path: name.split('.'), test: testOf(filter) }
  })
  return (record) => tests.every(({ path, test }) => test(valueAt(record, path)))
}
