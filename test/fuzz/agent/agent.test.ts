import { after, before, describe, it } from 'mocha'
import { type AgentServers, startAgentServers } from './run.ts'

const SEED = 20_261_123
const RUNS = 25

describe('fuzz: any sequence of agent operations', () => {
  let servers: AgentServers
  before(async () => {
    servers = await startAgentServers()
  })
  after(() => servers.stop())

  it('is answered and announced as the contract says, on LMDB and on Redis alike', async () => {
    await servers.run({ seed: SEED, runs: RUNS })
  }).timeout(90_000)
})
