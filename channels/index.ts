/** The application on top of the core: its channels, and the state behind them. */
import { accept, defineSocket, type UserSocket } from '../server/index.ts'
import type { Agent } from './agent/agent.ts'
import { sweepApplying } from './agent/apply-foreign.ts'
import { createAgentChannel } from './agent/channel.ts'
import type { Locale } from './agent/codes.ts'
import { withBuiltins } from './agent/commands/builtin.ts'
import { commandRegistry } from './agent/commands/registry.ts'
import { RunningCommands } from './agent/commands/run.ts'
import { KeyedQueue } from './agent/keyed-queue.ts'
import { Messages } from './agent/messages.ts'
import { loadCommands, loadRepositories } from './agent/modules.ts'
import { createEmbeddedRepository } from './agent/repository/embedded.ts'
import { repositoriesByType } from './agent/repository/repositories.ts'
import { openLmdbStore } from './agent/store/lmdb.ts'

export interface AppOptions {
  /** Where the embedded store lives. */
  readonly dataDir: string
  readonly locale: Locale
  /** Nobody verifies tokens: clients are who they say they are, and find a few records to try things on. */
  readonly open: boolean
  /** Paths of ES modules. */
  readonly commands?: string
  readonly repositories?: string
  /** Hears of failures that clients only see as `internal`, `unavailable` or `command_failed`. */
  readonly onError: (error: unknown) => void
}

export interface App {
  readonly socket: UserSocket
  /** Whether the store accepts writes. */
  ready(): Promise<boolean>
  /** Whether a command runs, or a change of state is on its way. */
  busy(): boolean
  /** Cancels what still runs, flushes the store and gives up its directory. */
  close(): Promise<void>
}

const SWEEP_EVERY_MS = 30_000

/**
 * Opens the store and builds the channels. Rejects, with one line, for a directory that another server uses
 * and for a module that is wrong.
 */
export async function createApp(options: AppOptions): Promise<App> {
  const { onError } = options
  const extra = await loadCommands(options.commands)
  const commands = commandRegistry(withBuiltins(extra))
  const foreign = await loadRepositories(options.repositories)
  const store = await openLmdbStore({ dir: options.dataDir, onError })
  const embedded = createEmbeddedRepository(store, { seed: options.open })
  const queue = new KeyedQueue()
  const agent: Agent = {
    store,
    repositories: repositoriesByType([embedded, ...foreign]),
    messages: new Messages(options.locale),
    queue,
    now: Date.now,
    onError,
  }
  const running = new RunningCommands()
  const sweep = (olderThanMs: number) => sweepApplying(agent, olderThanMs).catch(onError)
  // The directory is ours alone: whatever is being applied was left by a server that is gone.
  await sweep(0)
  const sweeper = setInterval(() => void sweep(SWEEP_EVERY_MS), SWEEP_EVERY_MS)
  sweeper.unref()

  return {
    socket: defineSocket({
      channels: [createAgentChannel(agent, commands, running)],
      connect: () => accept(),
    }),
    ready: () => store.writable(),
    busy: () => running.size > 0 || queue.busy,
    async close() {
      clearInterval(sweeper)
      running.cancelAll()
      await store.close()
    },
  }
}
