/** Random steps of operators on servers over LMDB and Redis: both do what the model does. */
import fc from 'fast-check'
import { connectRedis } from '../../../server/redis/connect.ts'
import { type AgentServer, stopAgentServers } from '../../support/agent-server.ts'
import { startRedis } from '../../support/redis.ts'
import { Model } from './model.ts'
import type { Worlds } from './step.ts'
import { firstSteps, steps } from './steps.ts'
import { Clock, startOnLmdb, startOnRedis, World } from './world.ts'

/** Also for finding the fewest steps that fail. */
const LIMIT_MS = 60_000

export interface AgentServers {
  /** Rejects with the seed and the fewest steps after which a server and the model differ. */
  run(options: { readonly seed: number; readonly runs: number }): Promise<void>
  /** How many steps were taken. */
  readonly steps: number
  stop(): Promise<void>
}

export async function startAgentServers(): Promise<AgentServers> {
  const clock = new Clock()
  const server = await startRedis()
  const redis = connectRedis({ url: server.url, onError: () => {} })
  const servers = await Promise.all([startOnLmdb(clock), startOnRedis(clock, redis)])
  const counts = { runs: 0, steps: 0 }
  return {
    get steps() {
      return counts.steps
    },
    async run({ seed, runs }) {
      const property = fc.asyncProperty(steps, async (sequence) => {
        counts.runs += 1
        counts.steps += [...sequence].length
        await play(servers, clock, counts.runs, sequence)
      })
      await fc.assert(property, { seed, numRuns: runs, interruptAfterTimeLimit: LIMIT_MS })
    },
    async stop() {
      await stopAgentServers()
      await redis.close()
      await server.stop()
    },
  }
}

async function play(
  servers: readonly AgentServer[],
  clock: Clock,
  run: number,
  sequence: Parameters<typeof fc.asyncModelRun<Model, Worlds, false, Model>>[1],
): Promise<void> {
  const worlds = { clock, all: servers.map((server) => new World(server, run)) }
  try {
    const model = new Model()
    for (const step of firstSteps) await step.run(model, worlds)
    await fc.asyncModelRun(() => ({ model, real: worlds }), sequence)
    for (const world of worlds.all) await world.expectEvents(model)
  } finally {
    for (const world of worlds.all) world.end()
  }
}
