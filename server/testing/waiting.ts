/**
 * How the kit waits: not for a time, but until nothing runs any more. Whatever a channel does in its handlers
 * is seen; what it does behind their backs (a timer, a promise that nobody awaits) is not, and has to be asked
 * for with `timeoutMs`.
 */

/** What is waited for. */
export interface Workload {
  /** Whether anything runs or waits to run. */
  readonly busy: boolean
  /** Grows with everything that happens. */
  readonly activity: number
  /** What runs for longer is taken for hung; milliseconds. */
  readonly patienceMs: number
}

export interface WaitOptions {
  /**
   * Wait for so many milliseconds, whatever runs or does not: for what comes of a timer, and for handlers that
   * the test itself keeps from ending. With 0 for what comes within the turn. Without it, for all that runs.
   */
  readonly timeoutMs?: number
}

/** Why waiting ended: nothing runs any more, the time was over, or something runs that does not end. */
export type Ending = 'idle' | 'timeout' | 'hung'

// Taken when the kit is loaded: a test may put a clock of its own in their place.
const { setImmediate: afterTurn, setTimeout: afterMs } = globalThis
const now = performance.now.bind(performance)

/** Deferred once more (a presence diff is) is still within the turn. */
const QUIET_TURNS = 2
/** From then on what runs is waiting for something: the machine is left to that. */
const EAGER_TURNS = 50

const nextTurn = (turn: number): Promise<void> =>
  new Promise((resolve) => {
    if (turn < EAGER_TURNS) afterTurn(resolve)
    else afterMs(resolve, 1)
  })

/** How the wait stands after a turn of the event loop. */
interface Progress {
  readonly turns: number
  /** For how many turns nothing has run. */
  readonly quietTurns: number
  readonly waitedMs: number
}

function endingOf(
  { turns, quietTurns, waitedMs }: Progress,
  timeoutMs: number | undefined,
  patienceMs: number,
): Ending | undefined {
  if (timeoutMs !== undefined) {
    return turns >= QUIET_TURNS && waitedMs >= timeoutMs ? 'timeout' : undefined
  }
  if (quietTurns >= QUIET_TURNS) return 'idle'
  // Turns count too: a machine that is too busy to come round to them has not waited for anything.
  return turns > EAGER_TURNS && waitedMs > patienceMs ? 'hung' : undefined
}

/** The first defined value of `look`, or why there will be none. */
export async function waitFor<T extends object>(
  work: Workload,
  look: () => T | undefined,
  { timeoutMs }: WaitOptions = {},
): Promise<T | Ending> {
  const startedAt = now()
  let quietTurns = 0
  for (let turns = 0; ; turns += 1) {
    const waitedMs = now() - startedAt
    const done = look() ?? endingOf({ turns, quietTurns, waitedMs }, timeoutMs, work.patienceMs)
    if (done !== undefined) return done
    const { activity } = work
    await nextTurn(turns)
    quietTurns = work.busy || work.activity !== activity ? 0 : quietTurns + 1
  }
}
