import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import type { AgentStore } from '../../../channels/agent/store/store.ts'
import { CLIENTS, ok, rawAgent } from '../../support/agent-client.ts'
import { COMMANDS, startAgentServer, stopAgentServers } from '../../support/agent-server.ts'
import { inPlaceOf } from '../../support/in-place-of.ts'
import { numbers } from '../../support/numbers.ts'
import { announce, comeBack, epochOf, returning, setUp } from './announcing.ts'

const HOUR_MS = 3_600_000
const KEPT = 1_000

describe('an operator who comes back', () => {
  afterEach(stopAgentServers)

  it('gets what was missed behind agent_authenticated, and then what is new', async () => {
    const server = await setUp()
    const owner = await rawAgent(server)
    const epoch = await epochOf(owner)
    await announce(owner, 5)
    const agent = await returning(server)
    expect(await comeBack(agent, 2, epoch)).to.deep.equal({
      recovered: true,
      seq: 5,
      isSameEpoch: true,
    })
    await agent.received(5)
    await announce(owner, 1)
    await agent.received(6)
    expect(agent.log.slice(1).map(({ event }) => event)).to.deep.equal([
      ...['phx_reply', 'agent_authenticated'],
      ...numbers(3, 6).map(() => 'agent_command_result'),
    ])
    expect(agent.numbered).to.deep.equal(owner.numbered.slice(2))
  })

  it('gets nothing again who has everything, and nothing old who does not say', async () => {
    const server = await setUp()
    const owner = await rawAgent(server)
    await announce(owner, 3)
    const agent = await returning(server)
    expect(await comeBack(agent, 3, await epochOf(owner))).to.include({ recovered: true, seq: 3 })
    const newcomer = await returning(server)
    expect(ok(await newcomer.authenticate())).to.not.have.property('recovered')
    await announce(owner, 1)
    for (const each of [agent, newcomer]) {
      await each.received(4)
      expect(each.seqs).to.deep.equal([4])
    }
  })

  it('can start from nothing at all', async () => {
    const server = await setUp()
    const epoch = await epochOf(await returning(server))
    const agent = await returning(server)
    expect(await comeBack(agent, 0, epoch)).to.include({ recovered: true, seq: 0 })
    await announce(agent, 2)
    await agent.received(2)
    expect(agent.seqs).to.deep.equal([1, 2])
  })

  it('is told where the server lost the data, or the numbers are beyond', async () => {
    const server = await setUp()
    const owner = await rawAgent(server)
    await announce(owner, 3)
    const other = await returning(server)
    expect(await comeBack(other, 2, 'another')).to.deep.equal({
      recovered: false,
      seq: 3,
      isSameEpoch: false,
    })
    const beyond = await returning(server)
    expect(await comeBack(beyond, 4, await epochOf(owner))).to.include({ recovered: false })
    for (const each of [other, beyond]) {
      await each.received(3)
      expect(each.seqs).to.deep.equal([1, 2, 3])
    }
  })

  it('is told where more than 1,000 events were missed, and gets those', async function () {
    this.timeout(60_000)
    const server = await setUp()
    const owner = await rawAgent(server)
    await announce(owner, KEPT + 3)
    const epoch = await epochOf(owner)
    const late = await returning(server)
    expect(await comeBack(late, 2, epoch)).to.include({ recovered: false, seq: KEPT + 3 })
    const [first, last] = [4, KEPT + 3]
    await late.received(last, 30_000)
    expect(late.seqs).to.deep.equal(numbers(first, last))
    const inTime = await returning(server)
    expect(await comeBack(inTime, 3, epoch)).to.include({ recovered: true })
    await inTime.received(last, 30_000)
    expect(inTime.seqs).to.deep.equal(numbers(first, last))
  })

  it('is told where what was missed is older than a day', async () => {
    let now = Date.parse('2026-03-01T12:00:00Z')
    const server = await setUp({ now: () => now })
    const owner = await rawAgent(server)
    const epoch = await epochOf(owner)
    await announce(owner, 2)
    now += 23 * HOUR_MS
    await announce(owner, 1)
    now += 2 * HOUR_MS
    const agent = await returning(server)
    expect(await comeBack(agent, 1, epoch)).to.include({ recovered: false, seq: 3 })
    await agent.received(3)
    expect(agent.seqs).to.deep.equal([3])
    expect(await comeBack(await returning(server), 2, epoch)).to.include({ recovered: true })
  })

  it('finds a new session 30 days after the last activity', async () => {
    let now = Date.parse('2026-03-01T12:00:00Z')
    const server = await setUp({ now: () => now })
    const owner = await rawAgent(server)
    const epoch = await epochOf(owner)
    ok(await owner.modifyQuery('services', { limit: 1 }))
    now += 30 * 24 * HOUR_MS + 1
    const agent = await returning(server)
    const found = { recovered: false, seq: 0, isSameEpoch: false }
    expect(await comeBack(agent, 1, epoch)).to.deep.equal(found)
    expect(ok(await agent.history())['history']).to.deep.equal([])
  })

  it('finds everything after the server was restarted', async () => {
    const server = await setUp()
    const owner = await rawAgent(server)
    const epoch = await epochOf(owner)
    await announce(owner, 3)
    await owner.received(3)
    const next = await server.restart()
    const agent = await returning(next)
    expect(await comeBack(agent, 0, epoch)).to.deep.equal({
      recovered: true,
      seq: 3,
      isSameEpoch: true,
    })
    await agent.received(3)
    expect(agent.numbered).to.deep.equal(owner.numbered)
    await announce(agent, 1)
    await agent.received(4)
  })

  it('may come back on the same socket, and gets again what it asks for', async () => {
    const agent = await rawAgent(await setUp())
    const epoch = await epochOf(agent)
    await announce(agent, 4)
    await agent.received(4)
    expect(await comeBack(agent, 1, epoch)).to.include({ recovered: true, seq: 4 })
    await announce(agent, 1)
    await agent.received(5)
    expect(agent.seqs).to.deep.equal([1, 2, 3, 4, 2, 3, 4, 5])
  })

  it('on the same socket gets what happens meanwhile once, behind the answer', async () => {
    let begun: () => void = () => undefined
    let isHeld = false
    let goOn: () => void = () => undefined
    const holding = (store: AgentStore) =>
      inPlaceOf(store, {
        async open(session) {
          if (!isHeld) return store.open(session)
          begun()
          await new Promise<void>((resolve) => {
            goOn = resolve
          })
          return store.open(session)
        },
      })
    const server = await startAgentServer({ commands: COMMANDS, store: holding })
    const agent = await rawAgent(server)
    const other = await rawAgent(server, { operatorId: 'other' })
    const epoch = await epochOf(agent)
    await announce(other, 2)
    await agent.received(2)
    isHeld = true
    const isOpening = new Promise<void>((resolve) => {
      begun = resolve
    })
    const answer = comeBack(agent, 2, epoch)
    await isOpening
    await announce(other, 1)
    await agent.fence()
    expect(agent.seqs).to.deep.equal([1, 2])
    goOn()
    expect(await answer).to.include({ recovered: true, seq: 3 })
    await agent.received(3)
    await agent.fence()
    expect(agent.seqs).to.deep.equal([1, 2, 3])
  })

  it('misses nothing and gets nothing twice while others go on', async function () {
    this.timeout(60_000)
    const server = await setUp()
    const owner = await rawAgent(server)
    const epoch = await epochOf(owner)
    await announce(owner, 300)
    let isOver = false
    const producing = (async () => {
      while (!isOver) await announce(owner, 50)
    })()
    const visits = CLIENTS.flatMap(({ connect }) =>
      [0, 1, 150, 299].map((from) => ({ connect, from })),
    )
    const agents = await Promise.all(
      visits.map(async ({ connect, from }) => {
        const who = { operatorId: `from ${from}` }
        const agent = await connect(server, who, { authenticated: false })
        expect(await comeBack(agent, from, epoch)).to.include({ recovered: true })
        return { agent, from }
      }),
    )
    // They are in the midst of it: what comes now is new to all of them.
    await announce(agents[0]?.agent ?? owner, 100)
    isOver = true
    await producing
    const last = Number(ok(await owner.authenticate())['seq'])
    expect(last).to.be.greaterThan(400)
    for (const { agent, from } of agents) {
      await agent.received(last, 30_000)
      expect(agent.seqs).to.deep.equal(numbers(from + 1, last))
    }
  })
})
