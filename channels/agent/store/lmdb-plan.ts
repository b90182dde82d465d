import { toJson } from './json.ts'
import { collectionPrefix, documentKey, sessionName } from './keys.ts'
import type { Commit, DocumentRef, SessionKey } from './store.ts'

/** A commit with everything done that could throw. */
export interface Plan {
  readonly session: string
  readonly before: number
  readonly expect: readonly { readonly key: Buffer; readonly version: number }[]
  readonly put: readonly { readonly key: Buffer; readonly json: string }[]
  readonly remove: readonly Buffer[]
  readonly event: { readonly event: string; readonly payload: string } | undefined
}

/** Throws RangeError for an id, and TypeError for a value, that the store does not take. */
export function toPlan(session: SessionKey, commit: Commit): Plan {
  const { expect, before = Number.POSITIVE_INFINITY, put = [], remove = [], event } = commit
  const toKey = (ref: DocumentRef): Buffer => documentKey(collectionPrefix(session, ref), ref.id)
  return {
    session: sessionName(session),
    before,
    expect: expect.map(({ ref, version }) => ({ key: toKey(ref), version })),
    put: put.map(({ ref, value }) => ({ key: toKey(ref), json: toJson(value) })),
    remove: remove.map(toKey),
    event: event && { event: event.event, payload: toJson(event.payload) },
  }
}
