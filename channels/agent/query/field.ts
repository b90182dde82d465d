import { problem } from './problem.ts'
import type { Problem } from './query.ts'

/** A JSON object, as opposed to a scalar or a list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value of an object's own property; undefined where there is none, or no object. */
export function own(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined
}

/** What the path leads to, through own properties of objects only; undefined where it leads nowhere. */
export function valueAt(record: unknown, path: readonly string[]): unknown {
  return path.reduce(own, record)
}

const FIELD_NAME = /^[A-Za-z_][A-Za-z0-9_.]{0,63}$/
const REFUSED_PARTS: ReadonlySet<string> = new Set(['', '__proto__', 'constructor', 'prototype'])

function isFieldName(name: unknown): name is string {
  return (
    typeof name === 'string' &&
    FIELD_NAME.test(name) &&
    !name.split('.').some((part) => REFUSED_PARTS.has(part))
  )
}

/** Tells what is wrong with a field name. */
export type NameRule = (name: unknown) => Problem | undefined

/**
 * The rule for field names (contract 7). Where a repository declares its fields, a name must be declared,
 * or lead into a declared field; `id` always is.
 */
export function nameRule(declared?: ReadonlySet<string>): NameRule {
  return (name) => {
    if (!isFieldName(name)) return problem('fieldName')
    const [first = name] = name.split('.', 1)
    const known = !declared || first === 'id' || declared.has(first) || declared.has(name)
    return known ? undefined : problem('undeclared')
  }
}
