/** Two nodes with one Redis, each a process of its own, and what is to be seen of them from outside. */
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { readMetrics } from '../support/node-metrics.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { LISTENING, type ServerProcess, startProcess } from '../support/server-process.ts'

const NODE = fileURLToPath(new URL('./node.ts', import.meta.url))
const COLLECT_MS = 10_000
const POLL_MS = 50
const PREFIX = 'ac'

/** What a node holds at a moment. Sizes are bytes. */
export interface Holdings {
  readonly connections: number
  readonly channels: number
  readonly topics: number
  readonly subscriptions: number
  /** Timers, sockets and pipes of Node's own. */
  readonly resources: number
  readonly heap: number
  readonly rss: number
}

export class Nodes {
  readonly redis: TestRedis
  readonly #processes: readonly ServerProcess[]

  constructor(redis: TestRedis, processes: readonly ServerProcess[]) {
    this.redis = redis
    this.#processes = processes
  }

  get urls(): readonly string[] {
    return this.#processes.map(({ url }) => url)
  }

  /** By node. */
  holdings(): Promise<readonly Holdings[]> {
    return Promise.all(this.urls.map(holdingsOf))
  }

  /** Has every node collect its garbage; twice, for what the first time lets go of. */
  async collect(): Promise<void> {
    for (const process of [...this.#processes, ...this.#processes]) await collect(process)
  }

  /** The Redis channels that somebody subscribes to. */
  async channels(): Promise<readonly string[]> {
    return linesOf(await this.redis.cli('pubsub', 'channels')).sort()
  }

  /** Keys that stay for ever, but for documents of a business, which do so on purpose. */
  async keysForEver(): Promise<readonly string[]> {
    const keys = linesOf(await this.redis.cli('--scan', '--pattern', `${PREFIX}*`))
    const script = 'return redis.call("PTTL", KEYS[1])'
    const forEver: string[] = []
    for (const key of keys) {
      if (/^[^/]*\/documents/.test(key)) continue
      if ((await this.redis.cli('eval', script, '1', key)) === '-1') forEver.push(key)
    }
    return forEver
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.kill9()))
    await this.redis.stop()
  }
}

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '')

export async function startNodes(count: number): Promise<Nodes> {
  const redis = await startRedis()
  const starting = Array.from({ length: count }, (_, index) =>
    startProcess({
      args: ['--expose-gc', '--import', 'tsx', NODE],
      env: {
        PORT: '0',
        REDIS_URL: redis.url,
        REDIS_PREFIX: PREFIX,
        LOG_LEVEL: 'error',
        NODE_NAME: `node-${index + 1}`,
      },
      ready: LISTENING,
    }),
  )
  const started = await Promise.allSettled(starting)
  const processes = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const nodes = new Nodes(redis, processes)
  const failed = started.find((each) => each.status === 'rejected')
  if (!failed) return nodes
  await nodes.stop()
  throw failed.reason
}

async function holdingsOf(url: string): Promise<Holdings> {
  const metrics = await readMetrics(url)
  const of = (name: string): number => {
    const value = metrics.get(name)
    if (value === undefined) throw new Error(`no metric ${name}`)
    return value
  }
  return {
    connections: of('connections'),
    channels: of('channels'),
    topics: of('topics'),
    subscriptions: of('redis_subscriptions'),
    resources: of('nodejs_active_resources_total'),
    heap: of('nodejs_heap_size_used_bytes'),
    rss: of('process_resident_memory_bytes'),
  }
}

async function collect({ pid, output }: ServerProcess): Promise<void> {
  const count = () => output().match(/^collected$/gm)?.length ?? 0
  const before = count()
  process.kill(pid, 'SIGUSR2')
  const deadline = performance.now() + COLLECT_MS
  while (count() === before) {
    if (performance.now() > deadline) throw new Error(`process ${pid} does not collect its garbage`)
    await sleep(POLL_MS)
  }
}
