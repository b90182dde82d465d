/** What an echo's time is spent on, as Linux's perf finds it. Without perf, nothing. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Context, Outcome, Row } from './context.ts'
import { echoCost, type Spoken } from './echo.ts'
import { ASSEMBLED, OURS, openSteps, RAW } from './steps.ts'

const PROFILE = 'profile of an echo'
const workOf = (name: string) => `${PROFILE}: ${name.replace(/^\+ /, '')}`
const SAMPLES_PER_SECOND = 4_000
/** A sample is worth little alone. */
const TURNS = 4
/** So that perf finds the names of what V8 compiled. */
const FLAGS = ['--perf-basic-prof']

const CLOCK = 'the clock'
const OWN = "the server's own JavaScript"

/** What is spent on what, as `object symbol`: the first that fits has it. */
const GROUPS: readonly (readonly [name: string, fits: RegExp])[] = [
  ['the kernel: reading, writing, waiting', /^\[kernel/],
  [CLOCK, /^\[vdso\]|clock_gettime|hrtime|PerformanceNow|internal\/perf\//],
  ['malloc and free', /^libc\S* \S*(?:alloc|free)/],
  ['uWebSockets.js', /^uws/],
  ['JSON.parse', /JsonPars/],
  ['JSON.stringify', /JsonStringif/],
  ['the bytes of messages as ArrayBuffers', /ArrayBuffer|BackingStore/],
  ['garbage collection', /Scaveng|Evacuat|Sweep|Heap::|Marking|SemiSpace|NewSpace/],
  ['text: from UTF-8, cut, hashed, put together, to UTF-8', /String|Utf8|utf8|CopyChars/],
  [OWN, /^\[JIT\].* file:/],
  ['the rest of Node and V8: from C++ into JavaScript and back, objects made', /./],
]

/** One line of perf's report: its share in percent, the object, the symbol. */
const LINE = /^\s*([\d.]+)%\s*\|(.+?)\s*\|\[.\] (.+?)\s*(?:\||$)/

export async function profile(context: Context): Promise<Outcome> {
  if (spawnSync('perf', ['--version']).error) {
    console.log('\nperf is not installed (Debian: linux-perf): no profile')
    return { rows: [], goals: [] }
  }
  const { steps, close } = await openSteps(context, FLAGS)
  const rows: Row[] = []
  for (const name of [RAW, ASSEMBLED, OURS] as const) {
    rows.push(...(await profileOf(context, name, steps[name])))
  }
  await close()
  return { rows, goals: [] }
}

async function profileOf(context: Context, name: string, spoken: Spoken): Promise<Row[]> {
  await echoCost(context, name, spoken, true)
  const dir = mkdtempSync(join(tmpdir(), 'agent-channels-profile-'))
  try {
    const file = join(dir, 'perf.data')
    const sampling = ['-e', 'cpu-clock', '-F', String(SAMPLES_PER_SECOND)]
    const perf = spawn('perf', ['record', ...sampling, '-p', String(spoken.server.pid), '-o', file])
    const turnMs = TURNS * context.scale.turnMs
    const micros = await echoCost(
      { ...context, scale: { ...context.scale, turnMs } },
      name,
      spoken,
      true,
    )
    perf.kill('SIGINT')
    await once(perf, 'exit')
    const sorted = ['-F', 'overhead,dso,symbol', '--field-separator', '|']
    const report = execFileSync('perf', ['report', '-i', file, '--stdio', ...sorted], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 64 * 1024 * 1024,
    })
    return rowsOf(name, micros, report)
  } finally {
    rmSync(dir, { recursive: true, force: true })
    rmSync(`/tmp/perf-${spoken.server.pid}.map`, { force: true })
  }
}

function rowsOf(name: string, micros: number, report: string): Row[] {
  const shares = new Map(GROUPS.map(([group]) => [group, 0]))
  for (const line of report.split('\n')) {
    const [, percent, object, symbol] = LINE.exec(line) ?? []
    const [group] = GROUPS.find(([, fits]) => fits.test(`${object} ${symbol}`)) ?? []
    if (percent === undefined || group === undefined) continue
    shares.set(group, (shares.get(group) ?? 0) + Number(percent) / 100)
  }
  const all = [...shares.values()].reduce((sum, share) => sum + share, 0)
  return [...shares].map(([who, share]) => ({
    work: workOf(name),
    who,
    figure: (share / all) * micros * 1_000,
    unit: 'ns CPU per message',
    ratio: share / all,
  }))
}

export const isProfile = ({ work }: Row): boolean => work.startsWith(PROFILE)

/** What the server could save at most, in words; undefined without a profile. */
export function profileInWords(rows: readonly Row[]): string | undefined {
  const of = (name: string) => rows.filter(({ work }) => work === workOf(name))
  const nanos = (some: readonly Row[]) => some.reduce((sum, { figure }) => sum + figure, 0)
  const [raw, least, ours] = [RAW, ASSEMBLED, OURS].map((name) => nanos(of(name)))
  if (!raw || !least || !ours) return undefined
  const own = nanos(of(OURS).filter(({ who }) => who === OWN || who === CLOCK))
  const times = (figure: number) => `${(figure / raw).toFixed(2)} ×`
  return (
    `In this run an echo took ${times(ours)} raw, the fourth row of the steps ${times(least)}. The server's own ` +
    `JavaScript and the clock are ${Math.round((own / ours) * 100)} % of an echo: if they cost nothing at all, it ` +
    `would take ${times(ours - own)}.`
  )
}
