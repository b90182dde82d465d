import { expect } from 'chai'
import { applyModifications } from '../../../../channels/agent/query/modify.ts'
import { PROBLEMS } from '../../../../channels/agent/query/problem.ts'
import { defaultQuery, type Query } from '../../../../channels/agent/query/query.ts'

export const EMPTY = defaultQuery('customers')

/** A query with something of everything. */
export const FULL: Query = {
  repository: 'customers',
  filters: { status: 'open', age: { gte: 18 } },
  fields: ['name', 'age'],
  sort: { name: 'asc', age: 'desc' },
  limit: 7,
  offset: 14,
}

/** A case of a refusal: what is wrong, where, and in which words. */
export type Refusal = readonly [bad: unknown, path: string, sentence: keyof typeof PROBLEMS]

/** Expects that the list is refused for just this problem. */
export function refuses(
  list: unknown,
  path: string,
  sentence: keyof typeof PROBLEMS,
  query = EMPTY,
  declared?: ReadonlySet<string>,
): void {
  expect(applyModifications(query, list, declared)).to.deep.equal({
    problems: [{ path, problem: PROBLEMS[sentence] }],
  })
}

/** So many field names: `f0`, `f1`, … */
export function names(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `f${n}`)
}

/** An object of so many fields with the same value. */
export function many(count: number, value: unknown): Record<string, unknown> {
  return Object.fromEntries(names(count).map((name) => [name, value]))
}

/** A value in the name of a test. */
export function show(value: unknown): string {
  const json = JSON.stringify(value) ?? 'undefined'
  return json.length > 80 ? `${json.slice(0, 80)}…` : json
}
