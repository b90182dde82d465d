import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import type { AgentStore, SessionKey } from '../../../channels/agent/store/store.ts'
import type { Verifier } from '../../../server/auth/verifier.ts'
import type { AgentClient } from '../../support/agent-client.ts'
import {
  type AgentServer,
  COMMANDS,
  REPOSITORIES,
  startAgentServer,
  stopAgentServers,
} from '../../support/agent-server.ts'
import { inPlaceOf } from '../../support/in-place-of.ts'
import { SECRET, verifierOf } from '../../support/tokens.ts'
import { Ear } from './ear.ts'
import { Owner } from './owner.ts'
import { nobodys, owned, QUESTIONS } from './questions.ts'
import { ATTACKERS, shown } from './tenants.ts'

/** What a store was asked, and of whom: with what name it was asked is left out. */
interface Call {
  readonly method: string
  readonly session: SessionKey
  readonly collection?: string
}

/** The store, which notes what it is asked. */
function noting(store: AgentStore, calls: Call[]): AgentStore {
  const note = (method: string, session: SessionKey, collection?: string) =>
    calls.push({ method, session, ...(collection !== undefined && { collection }) })
  return inPlaceOf(store, {
    now(session) {
      note('now', session)
      return store.now(session)
    },
    open(session) {
      note('open', session)
      return store.open(session)
    },
    get(session, ref) {
      note('get', session, `${ref.scope} ${ref.name}`)
      return store.get(session, ref)
    },
    list(session, collection, range) {
      note('list', session, `${collection.scope} ${collection.name}`)
      return store.list(session, collection, range)
    },
    count(session, collection) {
      note('count', session, `${collection.scope} ${collection.name}`)
      return store.count(session, collection)
    },
    commit(session, commit) {
      note('commit', session)
      return store.commit(session, commit)
    },
    events(session, afterSeq, limit) {
      note('events', session)
      return store.events(session, afterSeq, limit)
    },
    subscribe(session, listener) {
      note('subscribe', session)
      return store.subscribe(session, listener)
    },
  })
}

// How long an answer takes is made by what is asked of the store: that can be told for sure, time cannot.
describe('what a second tenant asks for', () => {
  const calls: Call[] = []
  let verifier: Verifier
  let server: AgentServer
  let owner: Owner

  before(async () => {
    verifier = await verifierOf({ authSecret: SECRET })
    server = await startAgentServer({
      commands: COMMANDS,
      repositories: REPOSITORIES,
      verifyToken: verifier.verify,
      store: (store) => noting(store, calls),
    })
    owner = await Owner.at([server.url])
  })
  after(async () => {
    await stopAgentServers()
    verifier.close()
  })

  /** What the store is asked until it is answered, and all that belongs to the answer is out. */
  async function callsOf(agent: AgentClient, asked: Promise<unknown>): Promise<readonly Call[]> {
    calls.length = 0
    await asked
    await agent.fence()
    return [...calls]
  }

  for (const { what, ask } of QUESTIONS) {
    it(`costs the same whether the first one has it or nobody, where it ${what}`, async () => {
      const names = owned(owner.traces)
      for (const who of ATTACKERS) {
        const agent = await new Ear(who).agent(server.url)
        const there = await callsOf(agent, ask(agent, names))
        const nowhere = await callsOf(agent, ask(agent, nobodys(names)))
        expect(there, shown(who.businessId)).to.deep.equal(nowhere)
        const businesses = new Set(there.map(({ session }) => session.businessId))
        expect([...businesses]).to.deep.equal([who.businessId])
        agent.cut()
      }
    })
  }
})
