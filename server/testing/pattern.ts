/** What a payload has to look like: Elixir's patterns, as far as JSON and bytes need them. */
import { types } from 'node:util'

/** A part of a T. */
type Like<T> = unknown extends T
  ? object | string | number | boolean | null
  : T extends Uint8Array
    ? Uint8Array
    : T extends readonly (infer E)[]
      ? readonly Like<E>[]
      : T extends object
        ? { readonly [K in keyof T]?: Like<T[K]> | undefined }
        : T

/**
 * An object matches an object that has at least its keys, at every depth; `undefined` is for a key that is not
 * there. A list matches a list of the same length, bytes the same bytes, anything else itself. A function is a
 * guard: whatever it returns true for.
 */
export type Pattern<T> = ((payload: T) => boolean) | Like<T>

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !types.isUint8Array(value)

/** `pattern` is none of those with a guard. */
function isLike(pattern: unknown, value: unknown): boolean {
  if (types.isUint8Array(pattern)) {
    return types.isUint8Array(value) && Buffer.compare(pattern, value) === 0
  }
  if (Array.isArray(pattern)) {
    if (!Array.isArray(value) || value.length !== pattern.length) return false
    return pattern.every((each, at) => isLike(each, value[at]))
  }
  if (!isObject(pattern)) return pattern === value
  if (!isObject(value)) return false
  return Object.entries(pattern).every(([key, each]) =>
    isLike(each, Object.hasOwn(value, key) ? value[key] : undefined),
  )
}

/** Without a pattern, any payload will do. */
export function matches(pattern: unknown, value: unknown): boolean {
  if (pattern === undefined) return true
  return typeof pattern === 'function' ? pattern(value) === true : isLike(pattern, value)
}
