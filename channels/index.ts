/** The application on top of the core: its channels, and the state behind them. */
import { type App, type AppOptions, defineSocket, RedisUnavailable } from '../server/index.ts'
import type { Agent } from './agent/agent.ts'
import { createAgentChannel } from './agent/channel.ts'
import { Nodes } from './agent/commands/nodes.ts'
import { RunningCommands } from './agent/commands/run.ts'
import { KeyedQueue } from './agent/keyed-queue.ts'
import { Messages } from './agent/messages.ts'
import { loadCommands, loadRepositories } from './agent/modules.ts'
import { OperationRate } from './agent/operation-rate.ts'
import { createEmbeddedRepository } from './agent/repository/embedded.ts'
import { knownTypes } from './agent/repository/repositories.ts'
import { SharedReads } from './agent/shared-reads.ts'
import { openLmdbStore } from './agent/store/lmdb.ts'
import { createRedisStore } from './agent/store/redis.ts'
import { checkRedis } from './agent/store/redis-check.ts'
import type { AgentStore } from './agent/store/store.ts'
import type { IsLeft } from './agent/sweep-applying.ts'
import { Sweeps } from './agent/sweeps.ts'
import { connecting } from './connect.ts'

export interface AgentAppOptions extends AppOptions {
  /** How long a foreign repository may take to apply a change; 10,000 ms where nothing is said. */
  readonly applyMs?: number
}

const APPLY_MS = 10_000
const SWEEP_EVERY_MS = 30_000
/** Other nodes may be applying right now: only what takes longer than this was left by a dead one. */
const LEFT_MS = 60_000
const isLeft: IsLeft = (since, now) => now - since >= LEFT_MS

/**
 * Opens the store and builds the channels. Rejects, with one line, for a directory that another server uses
 * and for a module that is wrong.
 */
export async function createApp(options: AgentAppOptions): Promise<App> {
  const { onError } = options
  const commands = await loadCommands(options.commands)
  const foreign = await loadRepositories(options.repositories)
  const store = await openStore(options)
  const embedded = createEmbeddedRepository(store, { seed: !options.verifyToken })
  const queue = new KeyedQueue()
  const agent: Agent = {
    store,
    events: new SharedReads(store),
    // A module can hold a type in the embedded repository's place.
    repositories: new Map([...knownTypes([embedded]), ...foreign]),
    messages: new Messages(options.locale),
    queue,
    lists: new KeyedQueue(),
    operations: new OperationRate(options.operationsPerOperator),
    onRateLimited: options.onRateLimited,
    presence: options.presence,
    applyMs: options.applyMs ?? APPLY_MS,
    fourEyes: options.fourEyes ?? false,
    now: Date.now,
    onError,
  }
  const running = new RunningCommands(new Nodes(options.presence, options.pubsub))
  const sweeps = new Sweeps(agent)
  const startedAt = agent.now()
  // A directory is ours alone: whatever was being applied before was left by a server that is gone.
  void sweeps.sweep(options.redis ? isLeft : (since) => since < startedAt)
  const sweeper = setInterval(() => {
    agent.operations.sweep(agent.now())
    void sweeps.sweep(isLeft)
  }, SWEEP_EVERY_MS)
  sweeper.unref()

  return {
    socket: defineSocket({
      channels: [createAgentChannel(agent, commands, running)],
      connect: connecting(options.verifyToken),
    }),
    ready: () => store.writable(),
    busy: () => running.size > 0 || queue.busy,
    cancel: () => running.cancelAll(),
    async close() {
      clearInterval(sweeper)
      sweeps.end()
      running.cancelAll()
      await running.idle()
      await store.close()
    },
  }
}

/** Rejects where the directory is in use, and where Redis would throw away what it should keep. */
async function openStore({ dataDir, redis: shared, onError }: AppOptions): Promise<AgentStore> {
  if (!shared) return await openLmdbStore({ dir: dataDir, onError })
  try {
    const warning = await checkRedis(shared.redis)
    if (warning !== undefined) onError(new Error(warning))
  } catch (error) {
    // Away just now: the node starts all the same, and answers `unavailable` until it is back.
    if (!(error instanceof RedisUnavailable)) throw error
    onError(error)
  }
  return createRedisStore({ ...shared, onError })
}
