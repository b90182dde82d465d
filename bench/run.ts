/**
 * `npm run bench`: everything, into bench/RESULTS.md, bench/chart.svg and the README. `-- --quick`: in less than a
 * minute, to the terminal alone. `-- --only echo,joins`: some of it, to the terminal alone.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { chart } from './chart.ts'
import { micro } from './micro.ts'
import { goalsTable, inShort, results, rowsTables, SPEED } from './report.ts'
import { agent } from './work/agent.ts'
import { type Context, Load, type Outcome, type Scale } from './work/context.ts'
import { crossNode } from './work/cross-node.ts'
import { echo } from './work/echo.ts'
import { fanOut } from './work/fan-out.ts'
import { growth } from './work/growth.ts'
import { idle } from './work/idle.ts'
import { joins } from './work/joins.ts'
import { loop } from './work/loop.ts'
import { profile } from './work/profile.ts'
import { steps } from './work/steps.ts'

/** This runs compiled, in dist-bench/bench. */
const ROOT = join(import.meta.dirname, '../..')
/** Nothing here takes so long. */
const LIMIT_MS = 12 * 60_000

const FULL: Scale = { rounds: 5, turnMs: 1_000, subscribers: 1_000, idle: 10_000 }
const QUICK: Scale = { rounds: 1, turnMs: 300, subscribers: 300, idle: 2_000 }

const WORKS: ReadonlyMap<string, (context: Context) => Promise<Outcome>> = new Map([
  ['echo', echo],
  ['broadcast', fanOut],
  ['cross-node', crossNode],
  ['joins', joins],
  ['idle', idle],
  ['agent', agent],
  ['loop', loop],
  ['steps', steps],
  ['profile', profile],
  ['micro', micro],
  ['growth', growth],
])

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
})
const only = values.only?.split(',')
const unknown = only?.find((name) => !WORKS.has(name))
if (unknown !== undefined) {
  console.error(`no ${unknown}: there are ${[...WORKS.keys()].join(', ')}`)
  process.exit(1)
}
const isWanted = (name: string) => only?.includes(name) ?? !(values.quick && name === 'growth')

setTimeout(() => {
  console.error(`not done after ${LIMIT_MS / 60_000} minutes`)
  process.exit(1)
}, LIMIT_MS).unref()

const startedAt = performance.now()
const outcomes: Outcome[] = []
for (const [name, measure] of WORKS) {
  if (!isWanted(name)) continue
  process.stdout.write(`${name} … `)
  const before = performance.now()
  const load = new Load()
  outcomes.push(await measure({ load, scale: values.quick ? QUICK : FULL }))
  load.stop()
  console.log(`${((performance.now() - before) / 1_000).toFixed(1)} s`)
}
const rows = outcomes.flatMap((outcome) => outcome.rows)
console.log(`\n${rowsTables(rows)}\n\n${goalsTable(outcomes.flatMap(({ goals }) => goals))}`)

if (values.quick || only) console.log('\nbench/RESULTS.md is written by a whole run alone')
else {
  write('bench/RESULTS.md', results(outcomes, performance.now() - startedAt))
  write('bench/chart.svg', chart(rows))
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
  const [before, after] = [readme.indexOf(SPEED.begin), readme.indexOf(SPEED.end)]
  if (before < 0 || after < 0) throw new Error(`README.md has no place for: ${SPEED.begin}`)
  const head = readme.slice(0, before + SPEED.begin.length)
  write('README.md', `${head}\n${inShort(rows)}\n${readme.slice(after)}`)
}

function write(file: string, text: string): void {
  writeFileSync(join(ROOT, file), text)
  console.log(`wrote ${file}`)
}
