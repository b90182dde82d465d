/** Validation of what clients send, compiled once when a channel is defined. The only file that knows ajv. */
import type { TSchema, TUnsafe } from '@sinclair/typebox'
import { Ajv, type ErrorObject } from 'ajv'

/** One thing wrong with a payload. Neither member repeats a value that the client sent. */
export interface Problem {
  /** JSON Pointer into the payload; empty for the payload itself. */
  readonly path: string
  readonly problem: string
}

/** The problem of a value, or undefined where it is valid. Only the first is looked for. */
export type Validator = (value: unknown) => Problem | undefined

/** The schema of a binary payload: bytes, and nothing else. */
export const Binary = { description: 'bytes' } as unknown as TUnsafe<Uint8Array>

const ajv = new Ajv({ strict: true })
// Ids end up in keys, as UTF-8: text that has no UTF-8 form (a lone surrogate) would collide with other text.
ajv.addKeyword({
  keyword: 'maxBytes',
  type: 'string',
  schemaType: 'number',
  validate: (limit: number, text: string) =>
    text.isWellFormed() && Buffer.byteLength(text) <= limit,
  error: { message: ({ schema }) => `must be text of at most ${schema} UTF-8 bytes` },
})

const problemOf = (error: ErrorObject | undefined): Problem => ({
  path: error?.instancePath ?? '',
  problem: error?.message ?? 'is invalid',
})

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array

/** Whether a schema accepts every JSON value: then there is nothing to validate. */
const acceptsAll = (schema: object): boolean =>
  Object.keys(schema).every((key) => key === 'description' || key === 'title')

/** Throws where the schema itself is wrong, so that a bad one stops the start and not a user. */
export function compileSchema(schema: TSchema): Validator {
  if (schema === Binary) {
    return (value) => (isBytes(value) ? undefined : { path: '', problem: 'must be binary' })
  }
  if (acceptsAll(schema)) return () => undefined
  const validate = ajv.compile(schema)
  return (value) => {
    if (isBytes(value)) return { path: '', problem: 'must not be binary' }
    return validate(value) ? undefined : problemOf(validate.errors?.[0])
  }
}
