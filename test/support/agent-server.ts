import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Agent } from '../../channels/agent/agent.ts'
import { createAgentChannel } from '../../channels/agent/channel.ts'
import { Nodes } from '../../channels/agent/commands/nodes.ts'
import { RunningCommands } from '../../channels/agent/commands/run.ts'
import { KeyedQueue } from '../../channels/agent/keyed-queue.ts'
import { Messages } from '../../channels/agent/messages.ts'
import { loadCommands, loadRepositories } from '../../channels/agent/modules.ts'
import { OperationRate } from '../../channels/agent/operation-rate.ts'
import { createEmbeddedRepository } from '../../channels/agent/repository/embedded.ts'
import { knownTypes } from '../../channels/agent/repository/repositories.ts'
import { SharedReads } from '../../channels/agent/shared-reads.ts'
import { openLmdbStore } from '../../channels/agent/store/lmdb.ts'
import type { AgentStore } from '../../channels/agent/store/store.ts'
import { Sweeps } from '../../channels/agent/sweeps.ts'
import { connecting } from '../../channels/connect.ts'
import { type AgentAppOptions, createApp } from '../../channels/index.ts'
import type { App } from '../../server/app.ts'
import { createEndpoint } from '../../server/endpoint.ts'
import { defineSocket } from '../../server/index.ts'
import { createLocalPresence } from '../../server/presence/local.ts'
import { createLocalPubSub } from '../../server/pubsub/local.ts'
import { closeSockets } from './phoenix-client.ts'
import { terminateWires } from './wire-client.ts'

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}.ts`, import.meta.url))

/** A module of commands, one for each way in which a command can behave. */
export const COMMANDS = fixture('commands')
/** A module of one repository, kept apart from the agent's own state. */
export const REPOSITORIES = fixture('repositories')

export interface AgentServerOptions
  extends Partial<Omit<AgentAppOptions, 'onError' | 'presence' | 'pubsub'>> {
  /** Milliseconds since 1970: the server goes by this clock instead of its machine's. */
  readonly now?: () => number
  /** What is to stand between the server and its store. */
  readonly store?: (store: AgentStore) => AgentStore
  /** No records to try things on; where `now` or `store` is given. */
  readonly bare?: boolean
}

/** A node's endpoint with the agent channel, in this process. */
export interface AgentServer {
  /** `http://127.0.0.1:…` */
  readonly url: string
  readonly app: App
  readonly dataDir: string
  /** What only the server's log would tell. */
  readonly errors: readonly unknown[]
  /**
   * Sweeps what foreign repositories left half applied for so long, and what has expired, as the server does from
   * time to time; only where `now` or `store` is given.
   */
  sweep(olderThanMs: number): Promise<void>
  /** Ends it, and every client's connection; again is the same as once. */
  stop(): Promise<void>
  /** Ends it and starts another on the same data. */
  restart(changes?: AgentServerOptions): Promise<AgentServer>
}

/** Of a long-poll: one and a half, and a client that has gone is missed. */
const WINDOW_MS = 2_000

const running = new Set<AgentServer>()
const directories = new Set<string>()

/** Ends every server that a test started, its clients and its data: for `afterEach` or `after`. */
export async function stopAgentServers(): Promise<void> {
  terminateWires()
  try {
    await closeSockets()
  } finally {
    for (const server of running) await server.stop()
  }
  for (const directory of directories) await rm(directory, { recursive: true })
  directories.clear()
}

/** Starts a server on a free port of loopback, with an empty store and the seed's records unless told. */
export async function startAgentServer(options: AgentServerOptions = {}): Promise<AgentServer> {
  const dataDir = options.dataDir ?? (await temporaryDirectory())
  const errors: unknown[] = []
  const pubsub = createLocalPubSub()
  const presence = createLocalPresence(pubsub)
  const appOptions: AgentAppOptions = {
    locale: 'ro',
    ...options,
    dataDir,
    presence,
    pubsub,
    onError: (error) => errors.push(error),
  }
  const isPlain = !(options.now || options.store)
  const { app, sweep } = isPlain
    ? { app: await createApp(appOptions), sweep: unseen }
    : await compose(appOptions, options)
  const endpoint = createEndpoint({
    mounts: [{ path: '/socket', socket: app.socket, longpoll: { windowMs: WINDOW_MS } }],
    pubsub,
  })
  const port = await endpoint.listen('127.0.0.1', 0)
  const server: AgentServer = {
    url: `http://127.0.0.1:${port}`,
    app,
    dataDir,
    errors,
    sweep,
    async stop() {
      if (!running.delete(server)) return
      await endpoint.drain({ deadlineMs: 0, batchSize: 1_000, batchIntervalMs: 0 })
      await app.close()
      await presence.close()
    },
    async restart(changes = {}) {
      await server.stop()
      return startAgentServer({ ...options, ...changes, dataDir })
    },
  }
  running.add(server)
  return server
}

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'agent-'))
  directories.add(directory)
  return directory
}

const unseen = () => Promise.reject(new Error('nobody sees when this server sweeps'))

interface Composed extends Pick<AgentServer, 'app' | 'sweep'> {}

/** What `createApp` builds, with what it cannot be told: a clock, another store. */
async function compose(options: AgentAppOptions, given: AgentServerOptions): Promise<Composed> {
  const { dataDir, presence, onError } = options
  const now = given.now ?? Date.now
  const registry = await loadCommands(options.commands)
  const foreign = await loadRepositories(options.repositories)
  const opened = await openLmdbStore({ dir: dataDir, now, onError })
  const store = given.store ? given.store(opened) : opened
  const embedded = createEmbeddedRepository(store, {
    seed: !(given.bare || options.verifyToken),
  })
  const agent: Agent = {
    store,
    events: new SharedReads(store),
    repositories: new Map([...knownTypes([embedded]), ...foreign]),
    messages: new Messages(options.locale),
    queue: new KeyedQueue(),
    lists: new KeyedQueue(),
    operations: new OperationRate(options.operationsPerOperator),
    onRateLimited: options.onRateLimited,
    presence,
    applyMs: options.applyMs ?? 10_000,
    fourEyes: options.fourEyes ?? false,
    now,
    onError,
  }
  const sweeps = new Sweeps(agent)
  const commands = new RunningCommands(new Nodes(presence, options.pubsub))
  const connect = connecting(options.verifyToken)
  return {
    app: {
      socket: defineSocket({ channels: [createAgentChannel(agent, registry, commands)], connect }),
      ready: () => store.writable(),
      busy: () => commands.size > 0 || agent.queue.busy,
      cancel: () => commands.cancelAll(),
      async close() {
        commands.cancelAll()
        await commands.idle()
        await store.close()
      },
    },
    sweep: (olderThanMs) => sweeps.sweep((since, at) => at - since >= olderThanMs),
  }
}
