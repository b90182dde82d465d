/** What every measured server answers to the bench: where it listens, and how it is. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { answerCalls } from '../process.ts'

/** The event loop's own measure, in milliseconds, finer than its default. */
const RESOLUTION_MS = 1

export function serveBench(port: number): void {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  answerCalls({
    port: () => port,
    collectGarbage: () => globalThis.gc?.(),

    watchLoop() {
      delay.enable()
      delay.reset()
    },
    /** The 99.9th percentile of the loop's delay beyond the sampling interval, in milliseconds. */
    loopDelay() {
      delay.disable()
      return Math.max(0, delay.percentile(99.9) / 1e6 - RESOLUTION_MS)
    },
  })
}
