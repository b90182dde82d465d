import type { ChannelProcess } from './channel-process.ts'

/** A join on its way. */
export interface Attempt {
  readonly process: ChannelProcess
  readonly ref: unknown
  /** The channel whose place it takes. */
  readonly victim: ChannelProcess | undefined
  readonly payload: unknown
  readonly startedAt: number
}
