/** What a draft asks for: its shape, which is looked at before the record, and the record that it would make. */
import { type Static, Type as T } from '@sinclair/typebox'
import { compileSchema } from '../../server/index.ts'
import { Reference } from './contract.ts'
import { randomId } from './ids.ts'
import { jsonBytes } from './json-bytes.ts'
import { invalid, type Refusal, refusal } from './refusal.ts'
import type { JsonRecord, RecordChange } from './repository/repository.ts'

/** JSON of a record, in UTF-8: a change, its events and its answers each repeat it, twice. */
const MAX_RECORD_BYTES = 131_072

/** What `create_draft` takes. */
export const DraftParameters = T.Object({
  repositoryType: Reference,
  operation: T.Unsafe<RecordChange['operation']>({
    type: 'string',
    enum: ['create', 'update', 'delete'],
  }),
  recordId: T.Optional(Reference),
  data: T.Optional(T.Object({ id: T.Optional(Reference) })),
})

export interface Draft {
  readonly repositoryType: string
  readonly operation: RecordChange['operation']
  /** Where it is absent: the `id` in a create's `data`, else one that is generated. */
  readonly recordId?: string
  readonly data?: { readonly [field: string]: unknown }
}

/** One that says which record it is of. */
export interface WholeDraft extends Draft {
  readonly recordId: string
}

const validate = compileSchema(DraftParameters)

/** `path`: in the parameters of `create_draft`. */
const wrong = (path: string, problem: string): Refusal =>
  invalid('/payload/parameters', [{ path, problem }])

const TOO_LARGE = wrong('', `makes the record larger than ${MAX_RECORD_BYTES} bytes of JSON`)

const isTooLarge = (record: JsonRecord): boolean => jsonBytes(record) > MAX_RECORD_BYTES

/** What the record is to be: `data` merged at the top level, where null deletes a field. The id stays. */
function merged(before: JsonRecord, data: Draft['data']): JsonRecord {
  const fields = Object.entries({ ...before, ...data, id: before.id })
  return Object.fromEntries(fields.filter(([, value]) => value !== null)) as JsonRecord
}

/** The draft with an id, which a create need not have, or what is wrong with its shape. */
export function wholeDraft(draft: Draft): WholeDraft | Refusal {
  const problem = validate(draft)
  if (problem) return wrong(problem.path, problem.problem)
  const { operation, recordId, data } = draft as Static<typeof DraftParameters>
  const id = recordId ?? (operation === 'create' ? (data?.id ?? randomId('rec')) : undefined)
  if (id === undefined) return wrong('/recordId', 'is required')
  if (operation !== 'delete' && data === undefined) return wrong('/data', 'is required')
  if (operation === 'delete' && data !== undefined) return wrong('/data', 'must be absent')
  if (data?.id !== undefined && data.id !== id) {
    return wrong('/data/id', 'must be the same as recordId')
  }
  // Whatever it is merged with, the record gets no smaller than this.
  return isTooLarge(merged({ id }, data)) ? TOO_LARGE : { ...draft, recordId: id }
}

/** The record after the change, where that fits what it is before it. */
export function outcomeOf(
  { operation, recordId, data }: WholeDraft,
  before: JsonRecord | null,
): JsonRecord | null | Refusal {
  if (operation === 'create' && before) return refusal('change_conflict')
  if (operation !== 'create' && !before) return refusal('unknown_record')
  if (operation === 'delete') return null
  const after = merged(before ?? { id: recordId }, data)
  return isTooLarge(after) ? TOO_LARGE : after
}
