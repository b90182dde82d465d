import { type RedisOptions, startRedis, type TestRedis } from './redis.ts'
import { type ServerProcess, startServer } from './server-process.ts'
import { terminateWires } from './wire-client.ts'

/** How long a fault lasts that is the time itself, in seconds. */
export const FAULT_SECONDS = numberOf('FAULT_SECONDS', 6)

/** What a test may be told to do more of, from the environment. */
export function numberOf(name: string, otherwise: number): number {
  const number = Number(process.env[name] ?? otherwise)
  if (!(number > 0)) throw new Error(`${name} has to be a number above 0`)
  return number
}

/** Nodes as processes of their own, that share nothing but one Redis. */
export interface Cluster {
  readonly redis: TestRedis
  /** Those that were started and not ended by `end`. */
  readonly nodes: readonly ServerProcess[]
  /** Where clients may go. */
  urls(): readonly string[]
  /** One more node; `redisUrl` where it is not to reach Redis directly. */
  start(redisUrl?: string): Promise<ServerProcess>
  /** Forgets a node, then ends it: no client goes there again. */
  kill9(node: ServerProcess): Promise<void>
  terminate(node: ServerProcess): ReturnType<ServerProcess['stop']>
  /** Cuts all clients, and ends all by its pid. */
  stop(): Promise<void>
}

/** Starts a Redis that keeps what it acknowledged, and `count` nodes with this beside their environment. */
export async function startCluster(
  count: number,
  options: RedisOptions = {},
  env: Readonly<Record<string, string>> = {},
): Promise<Cluster> {
  const config = { appendfsync: 'always', ...options.config }
  const redis = await startRedis({ appendonly: true, ...options, config })
  const nodes: ServerProcess[] = []
  let started = 0
  const forget = (node: ServerProcess): void => {
    const at = nodes.indexOf(node)
    if (at !== -1) nodes.splice(at, 1)
  }
  const cluster: Cluster = {
    redis,
    nodes,
    urls: () => nodes.map(({ url }) => url),
    async start(redisUrl = redis.url) {
      started += 1
      const node = await startServer({
        PORT: '0',
        REDIS_URL: redisUrl,
        LOG_LEVEL: 'silent',
        NODE_NAME: `node-${started}`,
        ...env,
      })
      nodes.push(node)
      return node
    },
    async kill9(node) {
      forget(node)
      await node.kill9()
    },
    async terminate(node) {
      forget(node)
      return await node.stop('SIGTERM')
    },
    async stop() {
      terminateWires()
      await Promise.all(nodes.map((node) => node.kill9()))
      await redis.stop()
    },
  }
  try {
    await Promise.all(Array.from({ length: count }, () => cluster.start()))
  } catch (error) {
    await cluster.stop()
    throw error
  }
  return cluster
}
