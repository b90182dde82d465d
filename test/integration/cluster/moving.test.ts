import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { type Cluster, numberOf, startCluster } from '../../support/cluster.ts'
import { produce } from '../../support/producer.ts'
import { RoamingOperator } from '../../support/roaming-operator.ts'
import { expectNothingMissed } from './checks.ts'

const MOVE_SECONDS = numberOf('FAULT_MOVE_SECONDS', 10)
const MOVE_EVERY_MS = numberOf('FAULT_MOVE_EVERY_MS', 300)

describe('a client that moves between nodes', function () {
  this.timeout(60_000 + MOVE_SECONDS * 1_000)
  let cluster: Cluster

  before(async () => {
    cluster = await startCluster(2)
  })
  after(() => cluster.stop())

  it('ends with every event, in order and without doubles', async () => {
    const [first = '', second = ''] = cluster.urls()
    const [ann, bob] = ['ann', 'bob'].map(
      (operatorId) => new RoamingOperator(cluster.urls, { sessionId: 'moving', operatorId }),
    ) as [RoamingOperator, RoamingOperator]
    await ann.moveTo(first)
    await bob.moveTo(second)
    const producer = produce(ann, 3)
    await producer.more(1)
    const moves = Math.ceil((MOVE_SECONDS * 1_000) / MOVE_EVERY_MS)
    for (let move = 0; move < moves; move += 1) {
      await bob.moveTo(move % 2 === 0 ? first : second)
      // Not to wait for anything: so long it stays.
      await sleep(MOVE_EVERY_MS)
    }
    await expectNothingMissed(`moved ${moves} times`, [ann, bob], [producer])
    expect(bob.welcomes.slice(1).map(({ recovered }) => recovered)).to.deep.equal(
      Array.from({ length: moves }, () => true),
    )
    for (const operator of [ann, bob]) operator.leave()
  })
})
