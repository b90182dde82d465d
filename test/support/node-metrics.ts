import { within } from './deadline.ts'

const PREFIX = 'agent_channels_'
const ANSWER_MS = 5_000

/** A node's metrics by name, those with labels of their own summed up. */
export type NodeMetrics = ReadonlyMap<string, number>

/** Reads a node's `/metrics`. */
export async function readMetrics(url: string): Promise<NodeMetrics> {
  const text = await fetchText(`${url}/metrics`)
  const metrics = new Map<string, number>()
  for (const [, name = '', value] of text.matchAll(SAMPLE)) {
    metrics.set(name, (metrics.get(name) ?? 0) + Number(value))
  }
  return metrics
}

const SAMPLE = new RegExp(`^${PREFIX}(\\w+)(?:\\{[^}]*\\})? (\\S+)$`, 'gm')

/** The body of a 200. */
export async function fetchText(url: string): Promise<string> {
  const answer = async () => {
    const response = await fetch(url)
    if (response.status !== 200) throw new Error(`${url} answered ${response.status}`)
    return await response.text()
  }
  return await within(answer(), ANSWER_MS, `an answer from ${url}`)
}
