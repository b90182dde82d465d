/**
 * Gives every item to one of the `workers`, each of which does one at a time. Returns how each item
 * ended, in their order.
 */
export async function inPool<T, W, R>(
  items: readonly T[],
  workers: readonly W[],
  work: (item: T, worker: W) => Promise<R>,
): Promise<readonly PromiseSettledResult<R>[]> {
  const results: PromiseSettledResult<R>[] = []
  const queue = items.entries()
  const run = async (worker: W): Promise<void> => {
    for (const [index, item] of queue) {
      const [result] = await Promise.allSettled([work(item, worker)])
      results[index] = result
    }
  }
  await Promise.all(workers.map(run))
  return results
}
