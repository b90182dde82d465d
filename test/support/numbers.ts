/** The numbers from `first` to `last`; none where `last` is less. */
export const numbers = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index)
