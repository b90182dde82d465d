import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { type Cluster, startCluster } from '../../support/cluster.ts'
import { produce } from '../../support/producer.ts'
import { RoamingOperator } from '../../support/roaming-operator.ts'
import type { ServerProcess } from '../../support/server-process.ts'
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'
import { expectNothingMissed, finish, meet, more, report } from './checks.ts'

const OPERATIONS = 50
const OPERATORS = 4

describe('Redis that is restarted in mid-traffic', function () {
  this.timeout(90_000)
  let cluster: Cluster
  let proxy: TcpProxy | undefined

  beforeEach(async () => {
    cluster = await startCluster(2)
  })
  afterEach(async () => {
    await cluster.stop()
    await proxy?.stop()
    proxy = undefined
  })

  it('with its data: nobody misses anything, and no connection ends', async () => {
    const { operators, producers } = await meet(cluster, 'restart', OPERATORS)
    for (let round = 0; round < 2; round += 1) {
      await more(producers, OPERATIONS)
      await cluster.redis.kill9()
      await Promise.all(producers.map((producer) => producer.moreFailures(1)))
      await cluster.redis.restart({ keepData: true })
    }
    await more(producers, OPERATIONS)
    const what = 'Redis restarted with its data, twice'
    const failures = await expectNothingMissed(what, operators, producers)
    expect(operators.map(({ welcomes }) => welcomes.length)).to.deep.equal(operators.map(() => 1))
    expect(new Set(failures)).to.deep.equal(new Set(['unavailable']))
  })

  it('without its data: another epoch and `recovered: false` tell, and all goes on', async () => {
    const { operators, producers } = await meet(cluster, 'forgotten', OPERATORS)
    await more(producers, OPERATIONS)
    await cluster.redis.kill9()
    await Promise.all(producers.map((producer) => producer.moreFailures(1)))
    const answered = producers.map(({ successes }) => successes.length)
    await cluster.redis.restart({ keepData: false })
    await more(producers, OPERATIONS)
    const produced = await Promise.all(producers.map((producer) => producer.stop()))
    const last = await finish(operators)
    report('Redis restarted without its data', operators, produced)

    const epochs = new Set(operators.map(({ epoch }) => epoch))
    expect(epochs.size, 'one new epoch').to.equal(1)
    expect(epochs).not.to.include(operators[0]?.welcomes[0]?.['epoch'])
    const since = produced.flatMap(({ successes }, at) => successes.slice(answered[at]))
    for (const { events, epoch, welcomes } of operators) {
      expect(welcomes.slice(1).map(({ recovered }) => recovered)).to.deep.equal([false])
      const anew = events.filter((event) => event.epoch === epoch)
      expect(anew.map(({ seq }) => seq)).to.deep.equal(anew.map((_, at) => at + 1))
      expect(anew.at(-1)?.payload).to.deep.equal(last)
      const payloads = new Map(anew.map(({ seq, payload }) => [seq, payload]))
      for (const success of since) expect(payloads.get(success['seq'])).to.deep.equal(success)
      const old = events.filter((event) => event.epoch !== epoch)
      expect(old.map(({ seq }) => seq)).to.deep.equal(
        old.map((_, at) => Number(welcomes[0]?.['seq']) + 1 + at),
      )
    }
  })

  it('without its data, and nothing comes after that: everybody is told all the same', async () => {
    const { operators, producers } = await meet(cluster, 'idle', OPERATORS)
    await more(producers, 1)
    await Promise.all(producers.map((producer) => producer.stop()))
    await cluster.redis.kill9()
    await cluster.redis.restart({ keepData: false })
    await Promise.all(operators.map((operator) => operator.welcomed(2)))
    for (const { welcomes } of operators) {
      expect(welcomes[1]).to.include({ recovered: false, seq: 0 })
      expect(welcomes[1]?.['epoch']).to.not.equal(welcomes[0]?.['epoch'])
    }
  })

  it('with an older copy of its data: everybody is told, and gets what that has', async () => {
    const { redis } = cluster
    const { operators, producers } = await meet(cluster, 'older', OPERATORS)
    await more(producers, OPERATIONS)
    await redis.cli('config', 'set', 'appendonly', 'no')
    await more(producers, OPERATIONS)
    const produced = await Promise.all(producers.map((producer) => producer.stop()))
    await redis.kill9()
    await redis.restart({ keepData: true })
    await Promise.all(operators.map((operator) => operator.welcomed(2)))
    const last = await finish(operators)
    report('Redis restarted with an older copy', operators, produced)
    for (const { events, welcomes } of operators) {
      expect(welcomes.slice(1).map(({ recovered }) => recovered)).to.deep.equal([false])
      const seq = Number(last['seq'])
      expect(seq, 'what is kept').to.be.above(OPERATIONS)
      const kept = events.slice(-seq)
      expect(kept.map((event) => event.seq)).to.deep.equal(kept.map((_, at) => at + 1))
      expect(kept.at(-1)?.payload).to.deep.equal(last)
      expect(events.length, 'what it had, and what is kept').to.be.above(seq)
    }
  })

  it('with an older copy, and others have used the numbers again: nobody takes new for old', async () => {
    const { redis, nodes } = cluster
    const [first, second] = nodes as [ServerProcess, ServerProcess]
    await cluster.kill9(second)
    proxy = await startTcpProxy(redis.port)
    const far = await cluster.start(`redis://127.0.0.1:${proxy.port}`)
    const urls = () => [far.url]
    const here = Array.from(
      { length: OPERATORS },
      (_, at) => new RoamingOperator(urls, { sessionId: 'again', operatorId: `op${at}` }),
    )
    const [working] = here as [RoamingOperator]
    await Promise.all(here.map((operator) => operator.moveTo(far.url)))
    const producer = produce(working)
    await producer.more(OPERATIONS)
    await redis.cli('config', 'set', 'appendonly', 'no')
    await producer.more(OPERATIONS)
    const { successes } = await producer.stop()
    const sent = Number(successes.at(-1)?.['seq'])
    await Promise.all(here.map((operator) => operator.receivedSeq(sent)))

    // Nobody who knows of the lost events comes near Redis before the others have given out their numbers.
    await cluster.kill9(first)
    proxy.cut()
    await redis.kill9()
    await redis.restart({ keepData: true })
    const near = await cluster.start()
    const late = new RoamingOperator(() => [near.url], { sessionId: 'again', operatorId: 'late' })
    await late.moveTo(near.url)
    await late.welcomed(1)
    const kept = Number(late.welcomes[0]?.['seq'])
    expect(kept, 'what the copy has').to.be.below(sent)
    const again = produce(late)
    await again.more(sent - kept + 5)
    await again.stop()
    expect(late.epoch, 'nobody has noticed').to.equal(working.epoch)
    proxy.restore()

    const everybody = [...here, late]
    await Promise.all(everybody.map((operator) => operator.welcomed(2)))
    const last = await finish(everybody)
    report('Redis restarted with an older copy, numbers used again', everybody, [producer, again])
    expect(new Set(everybody.map(({ epoch }) => epoch)).size, 'one new epoch').to.equal(1)
    for (const { events, welcomes, epoch } of everybody) {
      expect(welcomes.slice(1).map(({ recovered }) => recovered)).to.deep.equal([false])
      expect(epoch).to.not.equal(welcomes[0]?.['epoch'])
      const anew = events.filter((event) => event.epoch === epoch)
      expect(anew.map(({ seq }) => seq)).to.deep.equal(anew.map((_, at) => at + 1))
      expect(anew.at(-1)?.payload).to.deep.equal(last)
      for (const success of again.successes) {
        expect(anew[Number(success['seq']) - 1]?.payload).to.deep.equal(success)
      }
    }
  })
})
