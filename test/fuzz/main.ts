/**
 * npm run fuzz -- --minutes N [--seed S]: hostile clients on a real node, and random agent operations on servers over
 * LMDB and Redis, in turns. Ends with code 1 at the first failure, with the seed and the least that leads to it.
 */
import { randomInt } from 'node:crypto'
import { endAfter, readNumbers, runBounded } from '../support/bounded-run.ts'
import { startAgentServers } from './agent/run.ts'
import { BatchFailure, explain, noSums, type Sums, strikeBatch } from './batch.ts'
import { startTarget } from './target.ts'

const ATTACKS = 40
const BATCHES_PER_TURN = 50
const RUNS_PER_TURN = 20
const REPORT_MS = 10_000

await runBounded(async () => {
  const { minutes, seed } = readNumbers({ minutes: 1, seed: randomInt(1, 2 ** 30) })
  const end = endAfter(minutes)
  console.log(`seed ${seed}`)
  const sums = noSums()
  const target = await startTarget()
  const servers = await startAgentServers()
  let reported = performance.now()
  let turn = 0
  try {
    for (; performance.now() < end; turn += 1) {
      for (let batch = 0; batch < BATCHES_PER_TURN; batch += 1) {
        await strikeBatch(target, seed, turn * BATCHES_PER_TURN + batch, ATTACKS, sums)
      }
      await servers.run({ seed: seed + turn, runs: RUNS_PER_TURN })
      if (performance.now() - reported < REPORT_MS) continue
      reported = performance.now()
      console.log(report(sums, servers.steps))
    }
    console.log(`nothing failed: ${report(sums, servers.steps)}`)
  } catch (error) {
    if (!(error instanceof BatchFailure)) throw error
    console.error(error.message)
    throw new Error(await explain(error))
  } finally {
    await target.stop()
    await servers.stop()
  }
})

function report({ connections, writes, messages, ends }: Sums, steps: number): string {
  const codes = [...ends].sort().map(([end, count]) => `${end}: ${count}`)
  const wire = `${connections} connections, ${writes} writes, ${messages} answers (${codes.join(', ')})`
  return `${wire}; ${steps} steps of agents on each server`
}
