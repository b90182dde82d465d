import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { createRedisStore } from '../../../channels/agent/store/redis.ts'
import type { Redis } from '../../../server/index.ts'
import { connectRedis } from '../../../server/redis/connect.ts'
import { outcome, type Payload, rawAgent, refusalOf, text } from '../../support/agent-client.ts'
import { type AgentServer, startAgentServer, stopAgentServers } from '../../support/agent-server.ts'
import { insteadOf } from '../../support/in-place-of.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { change, drafted, draftPrice, result } from '../agent/drafts.ts'

const DAY_MS = 86_400_000
const CHANGES = 200

describe('changes on nodes whose clocks are wrong', () => {
  let redis: TestRedis
  const connections: Redis[] = []
  /** By how much the clock of Redis is ahead. */
  let clockOffsetMs: number

  beforeEach(async () => {
    redis = await startRedis()
    clockOffsetMs = 0
  })
  afterEach(async () => {
    await stopAgentServers()
    for (const connection of connections.splice(0)) await connection.close()
    await redis.stop()
  })

  /** A node of its own, by whose clock it is so much later. */
  function startNode(skewMs: number): Promise<AgentServer> {
    const connection = connectRedis({ url: redis.url, onError() {} })
    connections.push(connection)
    const shared = createRedisStore({
      redis: connection,
      prefix: 'test',
      onError() {},
      clockOffsetMs: () => clockOffsetMs,
    })
    return startAgentServer({
      now: () => Date.now() + skewMs,
      store: (embedded) => insteadOf(embedded, shared),
    })
  }

  it('begin and end by the clock of Redis', async () => {
    const [early, late] = [await startNode(-3 * DAY_MS), await startNode(3 * DAY_MS)]
    const agents = await Promise.all([early, late].map((server) => rawAgent(server)))
    for (const agent of agents) {
      const { changeId, createdAt, expiresAt } = await drafted(agent, 'create', { data: {} })
      const created = Date.parse(String(createdAt))
      expect(Math.abs(created - Date.now())).to.be.below(60_000)
      expect(Date.parse(String(expiresAt))).to.equal(created + DAY_MS)
      for (const each of agents) {
        expect(await change(each, changeId)).to.include({ status: 'pending' })
      }
      const { status, response } = await agent.reject(changeId)
      expect(status).to.equal('ok')
      const { decidedAt } = response['change'] as Payload
      expect(Date.parse(String(decidedAt))).to.be.within(created, created + 60_000)
    }

    const [agent = await rawAgent(early)] = agents
    const old = await draftPrice(agent, 1)
    await late.sweep(30_000)
    expect(await change(agent, old)).to.include({ status: 'pending' })
    clockOffsetMs = DAY_MS
    for (const each of agents) {
      expect(await change(each, old)).to.include({ status: 'expired' })
      expect(refusalOf(await each.approve(old))).to.equal('change_expired')
    }
  })

  it('are decided, or expire, once for all at the moment when their time is up', async () => {
    const servers = [await startNode(-3 * DAY_MS), await startNode(3 * DAY_MS)]
    const agents = await Promise.all(servers.map((server) => rawAgent(server)))
    const [one = await rawAgent(servers[0] as AgentServer), other = one] = agents
    const begun = Date.now()
    const ids: string[] = []
    for (let left = CHANGES; left > 0; left -= 1) {
      ids.push(text(await drafted(one, 'create', { data: {} }), 'changeId'))
    }
    // From now on their time is up for one after the other, as they were drafted.
    clockOffsetMs = DAY_MS - (Date.now() - begun)
    const deciding = Promise.all(
      ids
        .toReversed()
        .map((id, at) =>
          Promise.all([one.approve(id), at % 2 === 0 ? other.reject(id) : other.approve(id)]),
        ),
    )
    let isDecided = false
    const sweeping = servers.map(async (server) => {
      while (!isDecided) await server.sweep(30_000)
    })
    const replies = await deciding.finally(() => {
      isDecided = true
    })
    await Promise.all(sweeping)
    clockOffsetMs = DAY_MS
    for (const server of servers) await server.sweep(30_000)
    clockOffsetMs = 0

    const counts = new Map<unknown, number>()
    for (const [at, pair] of replies.entries()) {
      const { status } = await change(one, ids.at(-1 - at))
      counts.set(status, (counts.get(status) ?? 0) + 1)
      const winners = pair.filter(({ status: answer }) => answer === 'ok')
      const isExpired = status === 'expired'
      expect(pair.map(outcome).sort()).to.deep.equal(
        isExpired ? ['change_expired', 'change_expired'] : ['already_decided', 'ok'],
      )
      const decided = winners.map(({ response }) => (response['change'] as Payload)['status'])
      expect(decided).to.deep.equal(isExpired ? [] : [status])
    }
    console.log(`      of ${CHANGES} changes: ${JSON.stringify(Object.fromEntries(counts))}`)
    const { changes } = await result(one, 'list_changes', { status: 'expired', limit: 200 })
    expect(changes).to.have.lengthOf(counts.get('expired') ?? 0)
  })
})
