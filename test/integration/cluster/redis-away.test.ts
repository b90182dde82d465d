import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { ok, outcome } from '../../support/agent-client.ts'
import { type Cluster, FAULT_SECONDS, startCluster } from '../../support/cluster.ts'
import { within } from '../../support/deadline.ts'
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'
import { connectWire, replyTo } from '../../support/wire-client.ts'
import { expectNothingMissed, finish, meet, more } from './checks.ts'

const OPERATIONS = 50
const OPERATORS = 4
/** What the issue allows, each. */
const JOIN_MS = 2_000
const WHOLE_MS = 5_000
/** The deadline of a command (2 s), and what a busy machine adds. */
const UNAVAILABLE_MS = 3_000

describe('Redis that does not answer', function () {
  this.timeout(90_000 + FAULT_SECONDS * 1_000)
  let cluster: Cluster
  let proxy: TcpProxy | undefined

  beforeEach(async () => {
    cluster = await startCluster(1)
  })
  afterEach(async () => {
    await cluster.stop()
    await proxy?.stop()
    proxy = undefined
  })

  /** A new socket at a node: joins, and asks for what needs Redis and what does not. */
  async function arrive(url: string): Promise<void> {
    const wire = await connectWire(url)
    const push = (event: string, ref: string, payload: object, topic = 'agent:away') =>
      wire.push({ topic, event, payload, ref, joinRef: topic === 'phoenix' ? null : '1' })
    push('phx_join', '1', { businessId: 'business123' })
    expect((await wire.next(replyTo('1'), JOIN_MS)).payload).to.include({ status: 'ok' })
    const who = { sessionId: 'away', businessId: 'business123', operatorId: 'late' }
    const payload = { ...who, permissions: ['agent_access'] }
    push('agent_authenticate', '2', { sessionId: 'away', payload })
    push('heartbeat', '3', {}, 'phoenix')
    expect((await wire.next(replyTo('3'), JOIN_MS)).payload).to.include({ status: 'ok' })
    const { payload: answer } = await wire.next(replyTo('2'), UNAVAILABLE_MS)
    expect(answer).to.have.nested.property('response.code', 'unavailable')
    wire.terminate()
  }

  it('stopped and continued: what needs it is unavailable, all else goes on, nothing is missed', async () => {
    await cluster.start()
    const { redis } = cluster
    const { operators, producers } = await meet(cluster, 'away', OPERATORS)
    await more(producers, OPERATIONS)
    redis.pause()
    const paused = performance.now()
    await Promise.all([
      ...producers.map((producer) => producer.moreFailures(1, UNAVAILABLE_MS)),
      ...cluster.urls().map(arrive),
    ])
    await Promise.all(cluster.urls().map(arrive))
    for (const operator of operators) {
      const client = await operator.client()
      expect(ok(await client.execute('list_commands'))).to.include({ success: true })
      expect(outcome(await client.history())).to.equal('unavailable')
    }
    // The fault is the time that passes.
    await sleep(Math.max(0, FAULT_SECONDS * 1_000 - (performance.now() - paused)))
    for (const { url } of cluster.nodes) {
      expect((await fetch(`${url}/readyz`)).status).to.equal(200)
    }
    redis.resume()
    const whole = more(producers, 1, WHOLE_MS)
    await within(
      whole.then(() => finish(operators, WHOLE_MS)),
      WHOLE_MS,
      'everybody hears everybody',
    )
    await more(producers, OPERATIONS)
    const what = `Redis stopped for ${FAULT_SECONDS} s`
    const failures = await expectNothingMissed(what, operators, producers)
    expect(operators.map(({ closes }) => closes)).to.deep.equal(operators.map(() => []))
    expect(operators.map(({ leaves }) => leaves)).to.deep.equal(operators.map(() => []))
    expect(new Set(failures)).to.deep.equal(new Set(['unavailable']))
  })

  /** The subscribing connection that goes through the proxy is the younger one: its node started later. */
  async function subscriberPort(): Promise<number> {
    const list = await cluster.redis.cli('client', 'list', 'type', 'pubsub')
    const ports = [...list.matchAll(/ addr=\S+:(\d+) /g)].map(([, port]) => Number(port))
    expect(ports, 'one for each node').to.have.lengthOf(2)
    return Number(ports[1])
  }

  it('a half-open subscriber: noticed, and the gap is closed', async () => {
    proxy = await startTcpProxy(cluster.redis.port)
    await cluster.start(`redis://127.0.0.1:${proxy.port}`)
    const { operators, producers } = await meet(cluster, 'deaf', OPERATORS, { paceMs: 20 })
    await more(producers, OPERATIONS)
    const [, deaf] = operators
    proxy.freeze(await subscriberPort())
    await more(producers, 5)
    const seqs = producers.map(({ successes }) => successes.at(-1)?.['seq'])
    expect(deaf?.seqs, 'it hears nothing').not.to.include.members(seqs)
    await more(producers, OPERATIONS)
    const what = 'half-open subscriber'
    expect(await expectNothingMissed(what, operators, producers)).to.deep.equal([])
    expect(operators.map(({ closes }) => closes)).to.deep.equal(operators.map(() => []))
  })

  const halves = {
    'nothing passes any more': (wire: TcpProxy) => wire.freeze(),
    'answers and messages are lost': (wire: TcpProxy) => wire.loseAnswers(),
  }
  for (const [what, spoil] of Object.entries(halves)) {
    it(`all connections of one node half open, ${what}: noticed, and the gap is closed`, async () => {
      proxy = await startTcpProxy(cluster.redis.port)
      await cluster.start(`redis://127.0.0.1:${proxy.port}`)
      const { operators, producers } = await meet(cluster, 'half-open', OPERATORS)
      await more(producers, OPERATIONS)
      const [near, far] = producers
      spoil(proxy)
      await far?.moreFailures(1)
      await far?.more(OPERATIONS)
      await near?.more(OPERATIONS)
      await expectNothingMissed(`half-open, ${what}`, operators, producers)
      expect(near?.failures, 'of the node that is well').to.deep.equal([])
      expect(operators.map(({ closes }) => closes)).to.deep.equal(operators.map(() => []))
      expect(operators.map(({ leaves }) => leaves)).to.deep.equal(operators.map(() => []))
    })
  }
})
