/**
 * npm run soak -- --minutes N [--clients M]: operators work on two real nodes for so long; a quarter of it, at most a
 * minute, is the warm-up. Ends with code 1, and one line that says why, where something is lost or left over.
 */
import { endAfter, readNumbers, runBounded } from '../support/bounded-run.ts'
import { soak } from './soak.ts'

const MAX_WARM_UP_MS = 60_000

await runBounded(async () => {
  const { minutes, clients } = readNumbers({ minutes: 1, clients: 60 })
  const ms = endAfter(minutes) - performance.now()
  const warmUpMs = Math.min(MAX_WARM_UP_MS, ms / 4)
  const report = (line: string) => console.log(line)
  await soak({ clients, warmUpMs, workMs: ms - warmUpMs, report })
  console.log('nothing was lost, and nothing is left over')
})
