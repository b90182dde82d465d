/** What an app's `fetch` returned, made fit to be sent. */
import { isObject } from './meta.ts'
import type { Presences } from './presence.ts'

/** The fields of `extras` under each key of `presences`; no key and no meta but those of `presences`. */
export function withExtras(presences: Presences, extras: unknown): Presences {
  if (!isObject(extras)) throw new TypeError('fetch returns an object: what to add, by key')
  const fields = new Map<string, unknown>(Object.entries(extras))
  const extended: Presences = Object.create(null)
  for (const [key, { metas }] of Object.entries(presences)) {
    const extra = fields.get(key)
    extended[key] = { ...(isObject(extra) ? extra : {}), metas }
  }
  return extended
}

/** Rejects where `promise` takes longer. */
export async function inTime<T>(promise: PromiseLike<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`fetch took longer than ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
