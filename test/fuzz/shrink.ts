/**
 * A list that still fails, with as much taken out of `items` as can be: first halves, then quarters, and so on
 * down to single items.
 */
export async function shrink<T>(
  items: readonly T[],
  fails: (items: readonly T[]) => Promise<boolean>,
): Promise<readonly T[]> {
  let left = items
  for (
    let size = Math.ceil(left.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let at = 0; at < left.length; ) {
      const without = [...left.slice(0, at), ...left.slice(at + size)]
      if (without.length > 0 && (await fails(without))) left = without
      else at += size
    }
  }
  return left
}
