/** What was measured, as Markdown: bench/RESULTS.md, and the README's few lines on speed. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'
import { INSIDE } from './micro.ts'
import type { Goal, Outcome, Row } from './work/context.ts'
import { BATCHED } from './work/echo.ts'
import { isProfile, profileInWords } from './work/profile.ts'
import { STEPS } from './work/steps.ts'

const PEERS = [
  'ws',
  'socket.io',
  '@socket.io/redis-adapter',
  'ioredis',
  'uws-current',
  'uws-legacy',
]
/** Others at work on the machine make everything dearer, and latencies worthless. */
const LOAD_BEFORE = loadavg()[0]?.toFixed(1)
const GIB = 2 ** 30

const packages = createRequire(import.meta.url)

/** From the file: not every package exports its package.json. */
function versionOf(name: string): string {
  const [folder] = packages.resolve.paths(name)?.filter((path) => exists(path, name)) ?? []
  return (JSON.parse(readFileSync(`${folder}/${name}/package.json`, 'utf8')) as { version: string })
    .version
}

function exists(path: string, name: string): boolean {
  try {
    readFileSync(`${path}/${name}/package.json`)
    return true
  } catch {
    return false
  }
}

/** One cell of a table must stay one. */
const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`

export function goalsTable(goals: readonly Goal[]): string {
  const rows = goals.map(({ work, goal, measured, met }) =>
    line([work, goal, measured, met ? 'yes' : '**no**']),
  )
  return [
    line(['work', 'goal', 'measured', 'met']),
    line(['---', '---', '---', '---']),
    ...rows,
  ].join('\n')
}

/** Three digits that say something, whatever the size. */
const figure = (value: number): string => {
  if (value >= 1_000) return Math.round(value).toLocaleString('en')
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)
}

/** One table for each work and unit. */
export function rowsTables(rows: readonly Row[]): string {
  const tables = new Map<string, Row[]>()
  for (const row of rows) {
    const title = `**${row.work}** (${row.unit})`
    tables.set(title, [...(tables.get(title) ?? []), row])
  }
  return [...tables]
    .map(([title, lines]) => {
      const hasRatios = lines.some(({ ratio }) => ratio !== undefined)
      const head = ['', 'figure', ...(hasRatios ? ['ratio'] : [])]
      const body = lines.map(({ who, figure: value, ratio }) =>
        line([who, figure(value), ...(hasRatios ? [ratio?.toFixed(2) ?? ''] : [])]),
      )
      const rule = line(head.map((_, at) => (at === 0 ? '---' : '---:')))
      return [`${title}\n`, line(head), rule, ...body].join('\n')
    })
    .join('\n\n')
}

function machine(): string {
  const peers = PEERS.map((name) => `${name} ${versionOf(name)}`).join(', ')
  const cpu = cpus()[0]?.model ?? 'unknown'
  return [
    `- ${availableParallelism()} × ${cpu}, ${Math.round(totalmem() / GIB)} GiB, Linux ${release()}`,
    `- Node ${process.version}, ${peers}`,
    `- ${new Date().toISOString().slice(0, 10)}, in one run; load average before it ${LOAD_BEFORE}`,
  ].join('\n')
}

export const SPEED = {
  begin: '<!-- speed: written by `npm run bench` -->',
  end: '<!-- end of speed -->',
}

/** The same words in the README and in the results. */
export function inShort(rows: readonly Row[]): string {
  const of = (work: string, who: string): Row => {
    const row = rows.find((each) => each.work === work && each.who === who)
    if (!row) throw new Error(`not measured: ${work}, ${who}`)
    return row
  }
  const ours = 'agent-channels'
  const io = (work: string) => of(work, 'Socket.IO').figure / of(work, ours).figure
  const sentence = (work: string, what: string) => {
    const { figure: micros, ratio } = of(work, ours)
    return (
      `- ${what}: ${micros.toFixed(1)} µs of the server's CPU, ${Number(ratio).toFixed(1)} × raw ` +
      `uWebSockets.js; Socket.IO takes ${io(work).toFixed(1)} × as much.`
    )
  }
  return [
    sentence(BATCHED, 'An echo'),
    sentence('broadcast', 'A delivery of a broadcast'),
    `- An idle connection with one channel: ${of('idle connection', ours).figure.toFixed(1)} KiB of memory.`,
  ].join('\n')
}

const HOW = `Each server is a process of its own, on 127.0.0.1; this one is a whole node, with its log and its metrics. One
more process is the load: plain TCP and frames that are masked beforehand, no WebSocket library. What counts is
the processor time of the server's process, in its code and in the kernel, from \`/proc\`: a slow client flatters
nobody, and other work on the machine hurts all alike. The contestants take turns; after one turn each to warm
up, each figure is the median of its turns, and each ratio the median of the ratios within a round.

- Echo: 100 connections, 8 requests of each on their way, a payload of 40 bytes. In one write: a client sends what
  it may send at once, so that the server, which all wait for, reads and writes several together. Apart: each
  request costs the server a read and a write of its own, which nothing it does in between weighs much against.
- Broadcast: four messages in one write, and the next four when all subscribers have them.
- Cross-node: as broadcast, from a client of one node to the subscribers of another; the relay is ioredis between
  two raw servers. Its latency counts from when a message was due.
- Idle: resident memory, less what it was with a tenth of the connections after some traffic, garbage collected.`

/** The whole of bench/RESULTS.md. */
export function results(outcomes: readonly Outcome[], took: number): string {
  const rows = outcomes.flatMap((outcome) => outcome.rows)
  const goals = outcomes.flatMap((outcome) => outcome.goals)
  return `# Speed

Written by \`npm run bench\` (${Math.ceil(took / 60_000)} minutes); \`npm run bench -- --quick\` takes less than one.

${SPEED.begin}
${inShort(rows)}
${SPEED.end}

## Goals

${goalsTable(goals)}

## Machine

${machine()}

## How it is measured

${HOW}

## Where the time of an echo goes

${rowsTables(rows.filter(isStep))}

What raw uWebSockets.js is asked to do here, it does with bytes that it never looks at. An echo of Phoenix's
protocol has to find the topic and the event in them, and a handler gets a value, not text: so they become text,
the payload is parsed, and what the handler returns is made text again. With nothing else, that is the fourth
row: how near to raw a server in JavaScript can come. From there to the fifth is what makes it one: the frame is
checked for its shape, its channel and its join are found, the order of messages is kept, the handler is called
behind a guard against what it throws and timed for the metrics (two readings of the clock), its result is checked.
The second table has the same without a network. Each thing alone takes less than it does after another: they
share the processor's caches.

${profiled(rows)}

## Figures

${rowsTables(rows.filter((row) => !isStep(row) && !isProfile(row)))}
`
}

/** Which functions have the time, and what follows from that. */
function profiled(rows: readonly Row[]): string {
  const inWords = profileInWords(rows)
  if (inWords === undefined)
    return "There was no profile in this run: Linux's perf is not installed."
  return `${rowsTables(rows.filter(isProfile))}

${inWords} What the reply has more than the request, 30 bytes, the kernel is paid for. The text, the value and the
text of the answer are what a handler is promised, and V8 makes each in one pass. Other ways that were tried made
an echo dearer, or at most 2 % cheaper: the whole frame by JSON.parse (the last row of the steps), its fields by a
regular expression, its beginning compared with that of the frame before it, a reply written into a buffer that is
kept and sent as bytes, a larger young generation for V8. The clock is read twice
for each handler, as the metrics say how long each took, not a sample.`
}

const isStep = ({ work }: Row): boolean => work === STEPS || work === INSIDE
