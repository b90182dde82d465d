/** A node in a process of its own, under attack, and a well-behaved client on it that must notice nothing. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { nested, type Payload, type Reply, WHO } from '../support/agent-client.ts'
import { within } from '../support/deadline.ts'
import { fetchText, readMetrics } from '../support/node-metrics.ts'
import { type ServerProcess, startProgram } from '../support/server-process.ts'
import { connectWire, replyTo, type WireClient } from '../support/wire-client.ts'

/** Longer than a long-poll session lasts that nobody polls: a damaged request may ask for one. */
const GONE_MS = 45_000
const ANSWER_MS = 10_000
const POLL_MS = 20

export interface Target {
  readonly url: string
  /** Names the well-behaved client, its room and its session. */
  readonly marker: string
  /** Rejects with what the well-behaved client, the probes or the metrics have to complain of. */
  check(): Promise<void>
  stop(): Promise<void>
}

export async function startTarget(): Promise<Target> {
  const dataDir = await mkdtemp(join(tmpdir(), 'agent-channels-fuzz-'))
  const node = await startProgram(new URL('./node.ts', import.meta.url), {
    PORT: '0',
    LOG_LEVEL: 'silent',
    DATA_DIR: dataDir,
  })
  const stop = async () => {
    await node.kill9()
    await rm(dataDir, { recursive: true, force: true })
  }
  try {
    const watcher = new Watcher(await connectWire(node.url))
    await watcher.begin()
    return { url: node.url, marker: watcher.name, check: () => check(node, watcher), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function check(node: ServerProcess, watcher: Watcher): Promise<void> {
  try {
    await watcher.check()
    await fetchText(`${node.url}/healthz`)
    await within(onlyWatcherIsLeft(node.url), GONE_MS, 'the end of the attackers’ connections')
  } catch (error) {
    const { code, signal } = await node.stop('SIGKILL')
    const end = signal === 'SIGKILL' ? '' : `\nthe node ended with ${signal ?? code}`
    throw new Error(`${String(error)}${end}\n${node.output().slice(-2_000)}`.trim())
  }
}

async function onlyWatcherIsLeft(url: string): Promise<void> {
  for (;;) {
    const metrics = await readMetrics(url)
    if (metrics.get('connections') === 1 && metrics.get('channels') === 2) return
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** In a room, and authenticated on a session with one modification, whose names nobody can guess. */
class Watcher {
  readonly name = `c${randomBytes(8).toString('hex')}`
  readonly #wire: WireClient
  readonly #room = `room:${this.name}`
  readonly #agent = `agent:${this.name}`
  #count = 0
  #history: unknown

  constructor(wire: WireClient) {
    this.#wire = wire
  }

  async begin(): Promise<void> {
    const who = { ...WHO, sessionId: this.name }
    const { businessId, operatorId, permissions } = who
    await this.#ask(this.#room, 'phx_join', {})
    await this.#ask(this.#agent, 'phx_join', { businessId })
    await this.#ask(this.#agent, 'agent_authenticate', nested(who, { operatorId, permissions }))
    const modifications = { limit: 7 }
    const modified = nested(who, { repositoryType: 'customers', modifications })
    await this.#ask(this.#agent, 'agent_modify_query', modified)
    this.#history = await this.#readHistory()
    await this.#settle()
  }

  async check(): Promise<void> {
    this.#count += 1
    const { count } = await this.#ask(this.#room, 'count', {})
    if (count !== this.#count)
      throw new Error(`the watcher's count is ${count}, not ${this.#count}`)
    if (!isDeepStrictEqual(await this.#readHistory(), this.#history)) {
      throw new Error('the watcher’s history is another')
    }
    const others = (await this.#settle()).filter(({ event }) => event !== 'agent_query_history')
    if (others.length > 0) throw new Error(`the watcher was sent ${others[0]?.raw}`)
  }

  async #readHistory(): Promise<unknown> {
    const reply = await this.#ask(this.#agent, 'agent_query_history', { sessionId: this.name })
    return reply['history']
  }

  async #ask(topic: string, event: string, payload: object): Promise<Payload> {
    const ref = randomBytes(8).toString('hex')
    this.#wire.push({ topic, event, payload, ref, joinRef: null })
    const reply = (await this.#wire.next(replyTo(ref), ANSWER_MS)).payload as Reply
    if (reply.status !== 'ok') throw new Error(`the watcher's ${event}: ${JSON.stringify(reply)}`)
    return reply.response
  }

  /** What came and was not asked for. */
  async #settle() {
    const left = [...(await this.#wire.fence())]
    for (const frame of left) await this.#wire.next((each) => each === frame)
    return left
  }
}
