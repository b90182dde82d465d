import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { type Balancer, startBalancer } from '../../support/balancer.ts'
import { type Cluster, startCluster } from '../../support/cluster.ts'
import { closeSockets } from '../../support/phoenix-client.ts'
import { PhoenixOperator } from '../../support/phoenix-operator.ts'
import { produce } from '../../support/producer.ts'
import type { ServerProcess } from '../../support/server-process.ts'
import { expectNothingMissed, more } from './checks.ts'

/** What happens between two faults, at the least. */
const OPERATIONS = 50
const OPERATORS = 4

describe('the official client before several nodes', function () {
  this.timeout(90_000)
  let cluster: Cluster
  /** Where the balancer sends clients; a node that was killed refuses them. */
  const ports: number[] = []
  let balancer: Balancer

  before(async () => {
    cluster = await startCluster(2)
    ports.push(...cluster.urls().map(portOf))
    balancer = await startBalancer(ports)
  })
  after(async () => {
    await closeSockets()
    await cluster.stop()
    await balancer.close()
  })

  const faults: Record<string, (node: ServerProcess) => Promise<number>> = {
    async 'killed with -9'(node) {
      await cluster.kill9(node)
      return 1006
    },
    async drained(node) {
      expect(await cluster.terminate(node)).to.deep.equal({ code: 0, signal: null })
      return 1012
    },
  }
  for (const [what, end] of Object.entries(faults)) {
    it(`comes back by itself when a node is ${what}, and misses nothing`, async () => {
      const operators = Array.from(
        { length: OPERATORS },
        (_, at) =>
          new PhoenixOperator({
            sessionId: `official-${what.replaceAll(' ', '-')}`,
            operatorId: `op${at}`,
          }),
      )
      // In turns: the first and the third are at the first node.
      for (const operator of operators) await operator.come(balancer.url)
      const producers = operators.slice(0, 2).map((operator) => produce(operator))
      await more(producers, OPERATIONS)
      let code = 0
      for (const node of [...cluster.nodes]) {
        code = await end(node)
        ports.push(portOf((await cluster.start()).url))
        await more(producers, OPERATIONS)
      }
      const done = `official clients, both nodes ${what} in turn`
      const failures = await expectNothingMissed(done, operators, producers)
      expect(failures.filter((failure) => failure !== 'lost')).to.deep.equal([])
      for (const { welcomes, closes } of operators) {
        expect(closes).to.have.length.of.at.least(1)
        expect(closes).to.deep.equal(closes.map(() => code))
        const returns = welcomes.slice(1).map(({ recovered }) => recovered)
        // A node may be ended before one that came to it has been welcomed.
        expect(returns).to.have.length.within(1, closes.length)
        expect(new Set(returns)).to.deep.equal(new Set([true]))
      }
    })
  }
})

const portOf = (url: string) => Number(new URL(url).port)
