import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import type { Client } from './client.ts'
import { CLIENTS } from './clients.ts'
import { readmeTable, tableOf, writeReadmeTable } from './readme-table.ts'
import { SCENARIOS, type Scenario } from './scenarios.ts'
import { type Servers, startServers } from './servers.ts'
import { Trial } from './trial.ts'

const TIMEOUT_MS = 120_000

/** How it is known that the client cannot run the scenario; undefined where it can. */
const lackOf = (client: Client, { needs }: Scenario): string | undefined =>
  needs && client.lacks[needs.feature]

/** All clients run the scenario at the same time; each promise tells how its client fared. */
function runAll(scenario: Scenario, servers: Servers): readonly Promise<void>[] {
  const trials = CLIENTS.map((client) => new Trial(client, CLIENTS, servers))
  const begun = trials.map((trial) =>
    lackOf(trial.client, scenario) === undefined
      ? scenario.run(trial)
      : scenario.needs?.isMissing(trial),
  )
  const midway = Promise.allSettled(begun).then(() => scenario.midway?.(servers))
  return trials.map(async (trial, index) => {
    try {
      const proceed = await begun[index]
      await midway
      await proceed?.()
    } finally {
      trial.end()
    }
  })
}

describe('the matrix of clients', function () {
  this.timeout(TIMEOUT_MS)
  const cells = new Map<Scenario, Map<Client, string>>()
  let servers: Servers

  before(async () => {
    servers = await startServers()
  })

  after(() => servers?.stop())

  for (const scenario of SCENARIOS) {
    describe(scenario.name, () => {
      const row = new Map<Client, string>()
      let runs: readonly Promise<void>[] = []

      before(() => {
        cells.set(scenario, row)
        runs = runAll(scenario, servers)
        // Each is awaited by a test of its own, and may fail before that begins.
        void Promise.allSettled(runs)
      })

      for (const [index, client] of CLIENTS.entries()) {
        const lack = lackOf(client, scenario)
        it(lack === undefined ? client.name : `${client.name} cannot: ${lack}`, async () => {
          await runs[index]
          row.set(client, lack === undefined ? '✓' : '–')
        })
      }
    })
  }

  describe('the table in the README', () => {
    it('is this one, which `npm run matrix` writes', () => {
      const rows = SCENARIOS.map((scenario) => [
        scenario.name,
        ...CLIENTS.map((client) => cells.get(scenario)?.get(client) ?? '✗'),
      ])
      const table = tableOf(['', ...CLIENTS.map(({ name }) => name)], rows)
      const isComplete = !rows.flat().includes('✗')
      if (process.env['UPDATE_README'] === '1' && isComplete) writeReadmeTable(table)
      expect(readmeTable()).to.equal(table)
    })
  })
})
