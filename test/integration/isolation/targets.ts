import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { COMMANDS, REPOSITORIES } from '../../support/agent-server.ts'
import { startCluster } from '../../support/cluster.ts'
import { type ServerProcess, startServer } from '../../support/server-process.ts'
import { SECRET } from '../../support/tokens.ts'

export const ADMIN_TOKEN = 's3cret-of-the-administrator'
export const METRICS_TOKEN = 's3cret-of-the-monitoring'

/** As a server on the internet runs, but for its log, which tells all that it ever tells. */
const ENV = {
  PORT: '0',
  AUTH_SECRET: SECRET,
  ADMIN_TOKEN,
  METRICS_TOKEN,
  COMMANDS,
  REPOSITORIES,
  LOCALE: 'en',
  LOG_LEVEL: 'debug',
}

/** What is attacked. */
export interface Target {
  readonly nodes: readonly ServerProcess[]
  stop(): Promise<void>
}

async function oneNode(): Promise<Target> {
  const directory = await mkdtemp(join(tmpdir(), 'isolation-'))
  const node = await startServer({ ...ENV, DATA_DIR: directory })
  return {
    nodes: [node],
    async stop() {
      await node.kill9()
      await rm(directory, { recursive: true })
    },
  }
}

async function twoNodes(): Promise<Target> {
  const { nodes, stop } = await startCluster(2, {}, ENV)
  return { nodes, stop }
}

export const TARGETS = [
  { name: 'on one node with its embedded store', start: oneNode },
  { name: 'on two nodes with one Redis', start: twoNodes },
]
