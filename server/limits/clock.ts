/** Milliseconds since whenever, never less than before. */
export type Clock = () => number

export const monotonic: Clock = () => performance.now()
