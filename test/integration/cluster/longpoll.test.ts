import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { LongPoll, type Socket } from 'phoenix'
import { nested, ok, type Payload, rawAgent, WHO } from '../../support/agent-client.ts'
import { type Balancer, startBalancer } from '../../support/balancer.ts'
import { type Cluster, startCluster } from '../../support/cluster.ts'
import { LongPollClient } from '../../support/longpoll-client.ts'
import { numbers } from '../../support/numbers.ts'
import { closeSockets, openSocket } from '../../support/phoenix-client.ts'
import { Queue } from '../../support/queue.ts'
import type { ServerProcess } from '../../support/server-process.ts'
import { replyTo } from '../../support/wire-client.ts'

const RETURN_MS = 15_000

/** The official client by long-polling, which comes back as contract 9 says, and what it got of the session. */
function operator(socket: Socket) {
  const got = new Queue<Payload>(({ seq }) => String(seq))
  const welcomes = new Queue<Payload>((welcome) => JSON.stringify(welcome))
  const channel = socket.channel(`agent:${WHO.sessionId}`, { businessId: WHO.businessId })
  let last: Payload = {}
  channel.on('agent_query_modified', (payload: Payload) => {
    last = payload
    got.push(payload)
  })
  // Called again after each rejoin.
  channel.join().receive('ok', () => {
    const [{ operatorId, permissions }, seen] = [WHO, welcomes.all.at(-1)]
    const from = seen && { epoch: seen['epoch'], lastSeq: last['seq'] ?? seen['seq'] }
    channel
      .push('agent_authenticate', nested(WHO, { operatorId, permissions, ...from }))
      .receive('ok', (welcome: Payload) => welcomes.push(welcome))
  })
  return { got, welcomes }
}

describe('long-polling through a balancer without sticky sessions', function () {
  this.timeout(90_000)
  let cluster: Cluster
  let balancer: Balancer
  let ports: number[] = []

  beforeEach(async () => {
    cluster = await startCluster(2)
    ports = cluster.urls().map((url) => Number(new URL(url).port))
    balancer = await startBalancer(ports)
  })
  afterEach(async () => {
    await closeSockets()
    await cluster.stop()
    await balancer.close()
  })

  const modify = async (node: ServerProcess, count: number) => {
    const agent = await rawAgent(node, { operatorId: 'producer' })
    const modifications = [{ field: 'filters', operation: 'add', value: { status: 'pending' } }]
    let seq: unknown
    for (let each = 0; each < count; each += 1) {
      seq = ok(await agent.queryModify('appointments', modifications))['seq']
    }
    return seq
  }

  const ends: Record<string, (node: ServerProcess) => Promise<unknown>> = {
    'killed with -9': (node) => cluster.kill9(node),
    'stopped by SIGTERM': (node) => cluster.terminate(node),
  }
  for (const [what, end] of Object.entries(ends)) {
    it(`an operator gets every event once, in order, also when nodes are ${what}`, async () => {
      const socket = await openSocket(`${balancer.url}/socket`, { transport: LongPoll })
      const { got, welcomes } = operator(socket)
      await welcomes.next()
      // Each of them once: one of the two has the session.
      for (let round = 0; round < 2; round += 1) {
        const [lost, other] = cluster.nodes
        if (!lost || !other) throw new Error('no node is left')
        await modify(other, 5)
        await end(lost)
        ports.splice(0, ports.length, Number(new URL(other.url).port))
        const last = await modify(other, 5)
        await got.next(({ seq }) => seq === last, RETURN_MS)
        const fresh = await cluster.start()
        ports.push(Number(new URL(fresh.url).port))
      }
      const seqs = got.all.map(({ seq }) => seq)
      expect(seqs).to.deep.equal(numbers(1, 20))
      expect(welcomes.all.slice(1).map(({ recovered }) => recovered)).to.deep.equal(
        welcomes.all.slice(1).map(() => true),
      )
      expect(welcomes.all.length).to.be.at.least(2)
    })
  }

  it('a session whose node died is gone at once, for polls that wait and for new requests', async () => {
    const [lost, other] = cluster.nodes
    if (!lost || !other) throw new Error('no nodes')
    const client = await LongPollClient.open([lost.url])
    const there = new LongPollClient([other.url], client.token)
    const beat = { topic: 'phoenix', event: 'heartbeat' }
    await there.push({ ...beat, ref: '1' })
    await there.until(replyTo('1'))
    const { said } = await there.waitingPoll()
    // What a node that lives answers only after 2 s: a session of its own that has ended.
    const ended = await LongPollClient.open([other.url])
    ended.post('{]').catch(() => undefined)
    await cluster.kill9(lost)
    expect((await said).status).to.equal(410)
    const order: string[] = []
    const later = ended.poll().then(() => order.push('the node lives'))
    const [posted, polled] = await Promise.all([there.push({ ...beat, ref: '2' }), there.poll()])
    order.push('the node died')
    expect(posted).to.equal(410)
    expect(polled).to.include({ status: 410 })
    expect(polled.token).not.to.equal(client.token)
    await later
    expect(order).to.deep.equal(['the node died', 'the node lives'])
  })
})
