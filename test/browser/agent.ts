import { expect } from 'chai'
import { after, afterEach, before, describe, it } from 'mocha'
import { nested } from '../support/agent-client.ts'
import { openSession, sessionOptions } from '../support/agent-session.ts'
import { closeSockets } from '../support/phoenix-client.ts'
import type { Options } from './page.ts'
import type { Browsing, Tab } from './tab.ts'
import { startWholeServer, type WholeServer } from './whole-server.ts'

/** The server that is shipped, which lets in pages of one origin. */
export function agentTests(browsing: () => Browsing): void {
  describe('the agent channel in a browser, on a page of an origin that CHECK_ORIGIN lists', () => {
    let server: WholeServer

    before(async () => {
      server = await startWholeServer(`//elsewhere.example,//127.0.0.1:${browsing().pagesPort}`)
    })

    afterEach(async () => {
      await browsing().closeTabs()
      await closeSockets()
    })

    after(() => server?.stop())

    async function connected(options: Options): Promise<Tab> {
      const tab = await browsing().open()
      await tab.call('connect', `${server.url}/socket`, options)
      await tab.told('open')
      return tab
    }

    for (const { by, longPolls } of [
      { by: 'by WebSocket', longPolls: false },
      { by: 'by long-polling', longPolls: true },
    ]) {
      it(`authenticates the official client, which modifies a query, ${by}`, async () => {
        const who = sessionOptions()
        const { businessId, sessionId, operatorId, permissions } = who
        const topic = `agent:${sessionId}`
        const tab = await connected({ longPolls })
        const events = ['agent_authenticated', 'agent_query_modified']
        const join = await tab.call('join', topic, { businessId }, events)
        expect(join).to.include({ status: 'ok' })
        const credentials = nested(who, { operatorId, permissions })
        const login = await tab.call('push', topic, 'agent_authenticate', credentials)
        expect(login).to.have.nested.property('response.success', true)
        expect(await tab.told('agent_authenticated')).to.include({ success: true, operatorId })
        await tab.told('present', (names) => String(names) === operatorId)
        const modification = nested(who, {
          repositoryType: 'services',
          modifications: { limit: 5 },
        })
        const answer = await tab.call('push', topic, 'agent_modify_query', modification)
        expect(answer).to.have.nested.property('response.success', true)
        const event = await tab.told('agent_query_modified')
        expect(event).to.include({ success: true, seq: 1 })
        expect(event).to.have.nested.property('modifiedQuery.limit', 5)
      })

      it(`gives an AgentSession every event once, though the server is killed with -9, ${by}`, async () => {
        const session = sessionOptions()
        const tab = await connected({ longPolls, packs: true })
        await tab.call('openSession', session)
        await tab.call('modifyQuery', 'services', { limit: 1 })
        await server.restart()
        const other = await openSession(server.url, { ...session, operatorId: 'other' })
        await other.session.modifyQuery('services', { limit: 2 })
        await tab.call('modifyQuery', 'services', { limit: 3 })
        await tab.told('agent_query_modified', (event) => Object(event).seq === 3)
        const heard = tab.all('agent_query_modified')
        expect(heard.map((event) => Object(event).seq)).to.deep.equal([1, 2, 3])
        expect(heard.map((event) => Object(event).modifiedQuery.limit)).to.have.members([1, 2, 3])
        expect(tab.all('not_recovered')).to.deep.equal([])
      })
    }

    for (const { by, options, code } of [
      { by: 'a WebSocket', options: {}, code: 1006 },
      { by: 'long-polling', options: { longPolls: true }, code: 1008 },
    ]) {
      it(`refuses ${by} to the same page of another origin`, async () => {
        const tab = await browsing().open('localhost')
        await tab.call('connect', `${server.url}/socket`, options)
        await tab.told('error')
        expect(await tab.told('close')).to.equal(code)
        expect(tab.all('open')).to.deep.equal([])
      })
    }
  })
}
