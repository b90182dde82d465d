import { randomBytes } from 'node:crypto'
import { toJson } from '../protocol/message.ts'
import type { Meta } from './presence.ts'

/** As many as Phoenix's; all of them random, so that no clock and no restart can repeat one (C5.29). */
const REF_BYTES = 12

/** Far below what JSON.stringify bears: one meta must not make the list of all others unsendable. */
const MAX_DEPTH = 1_000

/**
 * The app's meta as others will see it, under a new `phx_ref`: a copy, through JSON. Throws EncodeError where
 * it has no JSON form, and TypeError where that is no object or is nested deeper than 1,000.
 */
export function createMeta(meta: object, previous?: Meta): Meta {
  const copy: unknown = JSON.parse(toJson(meta))
  if (!isObject(copy)) throw new TypeError('the meta of a presence is an object')
  if (isDeeper(copy, MAX_DEPTH)) throw new TypeError('the meta of a presence is nested too deep')
  const phx_ref = randomBytes(REF_BYTES).toString('base64url')
  return previous ? { ...copy, phx_ref, phx_ref_prev: previous.phx_ref } : { ...copy, phx_ref }
}

function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return depth === 0 || Object.values(value).some((inner) => isDeeper(inner, depth - 1))
}

export const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
