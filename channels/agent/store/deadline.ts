import { StoreUnavailable } from './store.ts'

/**
 * What `work` settles to, if it does within `ms` milliseconds; else rejects with StoreUnavailable.
 */
export function within<T>(ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new StoreUnavailable(`no answer within ${ms} ms`))
    }, ms)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
