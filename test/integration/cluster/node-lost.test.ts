import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { type Cluster, startCluster } from '../../support/cluster.ts'
import type { ServerProcess } from '../../support/server-process.ts'
import { expectNothingMissed, meet, more } from './checks.ts'

/** What happens between two faults, at the least. */
const OPERATIONS = 50
const OPERATORS = 6

describe('a node that is lost in mid-traffic', function () {
  this.timeout(90_000)
  let cluster: Cluster

  beforeEach(async () => {
    cluster = await startCluster(2)
  })
  afterEach(() => cluster.stop())

  const faults: Record<string, (node: ServerProcess) => Promise<number>> = {
    async 'killed with -9'(node) {
      await cluster.kill9(node)
      return 1006
    },
    async 'stopped by SIGTERM'(node) {
      expect(await cluster.terminate(node)).to.deep.equal({ code: 0, signal: null })
      return 1012
    },
  }
  for (const [what, end] of Object.entries(faults)) {
    it(`${what}: its clients go to the other one, and nobody misses anything`, async () => {
      const { operators, producers } = await meet(cluster, 'lost', OPERATORS)
      await more(producers, OPERATIONS)
      for (let round = 0; round < 2; round += 1) {
        const [lost] = cluster.nodes
        if (!lost) throw new Error('no node is left')
        const there = operators.filter(({ url }) => url === lost.url)
        expect(there).to.have.length.of.at.least(OPERATORS / 2)
        const before = there.map(({ closes }) => closes.length)
        const code = await end(lost)
        await more(producers, OPERATIONS)
        await Promise.all(there.map((operator) => operator.client()))
        expect(there.map(({ closes }, at) => closes.slice(before[at]))).to.deep.equal(
          there.map(() => [code]),
        )
        await cluster.start()
      }
      const failures = await expectNothingMissed(`a node ${what}, twice`, operators, producers)
      expect(failures.filter((failure) => failure !== 'lost')).to.deep.equal([])
    })
  }
})
