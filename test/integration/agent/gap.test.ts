import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import type { SessionListener } from '../../../channels/agent/store/store.ts'
import { ok, rawAgent } from '../../support/agent-client.ts'
import { startAgentServer, stopAgentServers } from '../../support/agent-server.ts'
import { inPlaceOf } from '../../support/in-place-of.ts'

const SOCKETS = 50

describe('a gap in what a node hears of a session', () => {
  afterEach(stopAgentServers)

  it('is filled for all of its sockets by one read', async () => {
    const listeners = new Set<SessionListener>()
    let isDeaf = false
    let reads = 0
    const server = await startAgentServer({
      store: (store) =>
        inPlaceOf(store, {
          events(...page) {
            reads += 1
            return store.events(...page)
          },
          subscribe(session, { event, gap }) {
            const listener = {
              gap,
              event: (each: Parameters<typeof event>[0]) => isDeaf || event(each),
            }
            listeners.add(listener)
            return store.subscribe(session, listener)
          },
        }),
    })
    const connecting = Array.from({ length: SOCKETS }, () => rawAgent(server))
    const [agent, ...others] = await Promise.all(connecting)
    if (!agent) throw new Error('nobody')
    ok(await agent.modifyQuery('services', { limit: 1 }))
    isDeaf = true
    for (const limit of [2, 3, 4]) ok(await agent.modifyQuery('services', { limit }))
    isDeaf = false
    for (const { gap } of listeners) gap()
    for (const each of [agent, ...others]) {
      await each.received(4)
      expect(each.seqs).to.deep.equal([1, 2, 3, 4])
    }
    expect([listeners.size, reads]).to.deep.equal([SOCKETS, 1])

    ok(await agent.modifyQuery('services', { limit: 5 }))
    for (const each of [agent, ...others]) await each.received(5)
    expect(reads).to.equal(1)
  })
})
