/**
 * Operators work on two nodes for a while, and leave. What they brought along must be gone: connections, channels,
 * topics, subscriptions, presence, timers, memory.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { rawAgent } from '../support/agent-client.ts'
import { closeSockets } from '../support/phoenix-client.ts'
import { terminateWires } from '../support/wire-client.ts'
import { type Holdings, type Nodes, startNodes } from './nodes.ts'
import { noTotals, type Totals, Visitor } from './visitor.ts'

const MIB = 1024 * 1024
/** How much more of each may be there after the work than after the warm-up, with all garbage collected. */
const GROWTH = { heap: 8 * MIB, rss: 64 * MIB }
/** For what lingers to go: subscriptions for a second, a lease of presence for fifteen. */
const QUIET_MS = 30_000
const POLL_MS = 200
const REPORT_MS = 10_000

export interface SoakOptions {
  readonly clients: number
  readonly warmUpMs: number
  readonly workMs: number
  readonly report: (line: string) => void
}

/** Rejects with what was wrong while they worked, or with what was left over. */
export async function soak({ clients, warmUpMs, workMs, report }: SoakOptions): Promise<void> {
  const nodes = await startNodes(2)
  try {
    const empty = await nodes.holdings()
    const channels = await nodes.channels()
    const totals = noTotals()
    const crowd = (ms: number) => work({ nodes, clients, ms, totals, report })

    await crowd(warmUpMs)
    const warm = await leftOver(nodes, empty, channels)
    report(`warmed up: ${describe(totals, warm)}`)

    await crowd(workMs)
    const end = await leftOver(nodes, empty, channels)
    report(`all have left: ${describe(totals, end)}`)
    await expectNobody(nodes)
    expectNoGrowth(warm, end)
    const keys = await nodes.keysForEver()
    if (keys.length > 0) throw new Error(`keys that never end: ${keys.slice(0, 5).join(' ')}`)
  } finally {
    terminateWires()
    await closeSockets()
    await nodes.stop()
  }
}

interface Work {
  readonly nodes: Nodes
  readonly clients: number
  readonly ms: number
  readonly totals: Totals
  readonly report: (line: string) => void
}

/** Until the time is over, or one of them found something wrong. */
async function work({ nodes, clients, ms, totals, report }: Work): Promise<void> {
  const ending = new AbortController()
  const timer = setTimeout(() => ending.abort(), ms)
  const reporter = setInterval(() => {
    nodes.holdings().then(
      (held) => report(describe(totals, held)),
      () => ending.abort(),
    )
  }, REPORT_MS)
  const lives = Array.from({ length: clients }, async (_, number) => {
    try {
      await new Visitor(number, nodes.urls, totals).live(ending.signal)
    } catch (error) {
      ending.abort()
      throw error
    }
  })
  const ends = await Promise.allSettled(lives)
  clearTimeout(timer)
  clearInterval(reporter)
  await closeSockets()
  const failed = ends.find((end) => end.status === 'rejected')
  if (failed) throw failed.reason
}

/** Resolves with what the nodes hold when all that operators brought is gone and garbage is collected. */
async function leftOver(
  nodes: Nodes,
  empty: readonly Holdings[],
  channels: readonly string[],
): Promise<readonly Holdings[]> {
  const deadline = performance.now() + QUIET_MS
  for (;;) {
    const [held, heard] = await Promise.all([nodes.holdings(), nodes.channels()])
    const left = held.flatMap((now, index) => surplus(now, empty[index]))
    if (!isDeepStrictEqual(heard, channels)) left.push(`${heard.length} Redis channels`)
    if (left.length === 0) break
    if (performance.now() > deadline) throw new Error(`left over: ${left.join(', ')}`)
    await sleep(POLL_MS)
  }
  await nodes.collect()
  return await nodes.holdings()
}

const COUNTS = ['connections', 'channels', 'topics', 'subscriptions', 'resources'] as const

const surplus = (now: Holdings, empty: Holdings | undefined): string[] =>
  COUNTS.filter((name) => now[name] > (empty?.[name] ?? 0)).map(
    (name) => `${now[name]} ${name} (${empty?.[name]} at the start)`,
  )

/** Who comes to a session now is alone in it, on each node in another one. */
async function expectNobody({ urls }: Nodes): Promise<void> {
  for (const [index, url] of urls.entries()) {
    const sessionId = `group-${index}-0`
    const client = await rawAgent(
      { url },
      { businessId: 'business-0', sessionId, operatorId: 'last' },
    )
    const present = Object.keys(await client.event('presence_state'))
    client.cut()
    if (!isDeepStrictEqual(present, ['last'])) {
      throw new Error(`still present: ${present.join(' ')}`)
    }
  }
}

function expectNoGrowth(warm: readonly Holdings[], end: readonly Holdings[]): void {
  for (const [index, now] of end.entries()) {
    for (const name of ['heap', 'rss'] as const) {
      const before = warm[index]?.[name] ?? 0
      if (now[name] - before <= GROWTH[name]) continue
      const sizes = `${mib(before)} to ${mib(now[name])}`
      throw new Error(`the ${name} of node ${index + 1} grew from ${sizes}`)
    }
  }
}

const mib = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`

function describe(totals: Totals, held: readonly Holdings[]): string {
  const { visits, operations, refusals, events, replays } = totals
  const work = `${visits} visits (${replays} back), ${operations} operations (${refusals} refused), ${events} events`
  const nodes = held.map((now) => {
    const { connections, channels, topics, subscriptions, resources } = now
    const counts = `${connections} connections, ${channels} channels, ${topics} topics`
    const memory = `heap ${mib(now.heap)}, rss ${mib(now.rss)}`
    return `${counts}, ${subscriptions} subscriptions, ${resources} resources, ${memory}`
  })
  return [work, ...nodes].join(' | ')
}
