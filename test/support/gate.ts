export interface Gate<T = void> {
  readonly opened: Promise<T>
  open(value: T): void
}

/** A promise that the test resolves: a handler that takes as long as the test wants. */
export function gate<T = void>(): Gate<T> {
  let open: (value: T) => void = () => undefined
  const opened = new Promise<T>((resolve) => {
    open = resolve
  })
  return { opened, open: (value) => open(value) }
}
