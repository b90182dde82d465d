import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import {
  CLIENTS,
  ok,
  type Payload,
  phoenixAgent,
  rawAgent,
  refusalOf,
  text,
} from '../../support/agent-client.ts'
import { startAgentServer, stopAgentServers } from '../../support/agent-server.ts'
import { change, drafted, draftPrice, propose, records, result, SERVICE } from './drafts.ts'

describe('a draft', () => {
  afterEach(stopAgentServers)

  for (const { name, connect } of CLIENTS) {
    it(`is announced to the session, and then answered (${name})`, async () => {
      const server = await startAgentServer()
      const agent = await connect(server)
      const other = await connect(server, { operatorId: 'other' })
      const reply = ok(await propose(agent, 'update', { recordId: 'srv_1', data: { price: 1 } }))
      for (const each of [agent, other]) {
        expect(await each.event('agent_change_pending')).to.deep.equal({
          seq: 1,
          success: true,
          change: reply['result'],
        })
        expect(await each.event('agent_command_result')).to.deep.equal(reply)
        expect(each.seqs).to.deep.equal([1, 2])
      }
    })
  }

  it('of an update is the record with the data over it, where null takes a field away', async () => {
    const agent = await rawAgent(await startAgentServer())
    const data = { price: { net: 1 }, name: null, note: [null], id: 'srv_1' }
    const found = await drafted(agent, 'update', { recordId: 'srv_1', data })
    expect(found).to.deep.include({
      before: SERVICE,
      after: { id: 'srv_1', durationMinutes: 30, price: { net: 1 }, note: [null] },
      status: 'pending',
      author: 'operator456',
    })
    expect(found['baseVersion']).to.be.greaterThan(0)
  })

  it('of a create is the data with an id: the one that was given, or a new one', async () => {
    const agent = await rawAgent(await startAgentServer())
    const ids = [{ recordId: 'a' }, { data: { id: 'b' } }, { recordId: 'c', data: { id: 'c' } }]
    for (const [index, each] of ids.entries()) {
      const id = ['a', 'b', 'c'][index]
      const found = await drafted(agent, 'create', { data: {}, ...each })
      expect(found).to.deep.include({ recordId: id, before: null, after: { id }, baseVersion: 0 })
    }
    const data = { name: 'Nou', price: null }
    const [one, two] = [
      await drafted(agent, 'create', { data }),
      await drafted(agent, 'create', { data }),
    ]
    const recordId = text(one, 'recordId')
    expect(recordId).to.match(/^rec_/).and.not.equal(two['recordId'])
    expect(one['after']).to.deep.equal({ id: recordId, name: 'Nou' })
  })

  it('of a delete leaves nothing', async () => {
    const agent = await rawAgent(await startAgentServer())
    const found = await drafted(agent, 'delete', { recordId: 'srv_1' })
    expect(found).to.deep.include({ before: SERVICE, after: null })
  })

  const WRONG = [
    { operation: 'update', parameters: { data: {} }, path: '/recordId' },
    { operation: 'update', parameters: { data: { id: 'srv_1' } }, path: '/recordId' },
    { operation: 'delete', parameters: {}, path: '/recordId' },
    { operation: 'update', parameters: { recordId: 'srv_1' }, path: '/data' },
    { operation: 'create', parameters: {}, path: '/data' },
    { operation: 'delete', parameters: { recordId: 'srv_1', data: {} }, path: '/data' },
    { operation: 'create', parameters: { recordId: 'a', data: { id: 'b' } }, path: '/data/id' },
    { operation: 'update', parameters: { recordId: 'srv_1', data: { id: 'b' } }, path: '/data/id' },
    { operation: 'create', parameters: { data: { id: 7 } }, path: '/data/id' },
    { operation: 'create', parameters: { data: { id: '\ud800' } }, path: '/data/id' },
    { operation: 'create', parameters: { data: [] }, path: '/data' },
    { operation: 'replace', parameters: { recordId: 'srv_1', data: {} }, path: '/operation' },
  ]

  it('is refused where record and data do not fit the operation', async () => {
    const agent = await rawAgent(await startAgentServer())
    for (const { operation, parameters, path } of WRONG) {
      const reply = await propose(agent, operation, parameters)
      expect(refusalOf(reply)).to.equal('invalid_payload')
      const [detail] = reply.response['details'] as readonly Payload[]
      expect(detail?.['path'], JSON.stringify(parameters)).to.equal(`/payload/parameters${path}`)
    }
    expect(agent.seqs).to.deep.equal([])
  })
})

describe('an approved change', () => {
  afterEach(stopAgentServers)

  it('is what the repository holds from then on, and not before', async () => {
    const agent = await rawAgent(await startAgentServer())
    const changes = [
      await drafted(agent, 'create', { recordId: 'srv_4', data: { name: 'Nou' } }),
      await drafted(agent, 'update', { recordId: 'srv_1', data: { name: null, price: 1 } }),
      await drafted(agent, 'delete', { recordId: 'srv_2' }),
    ]
    expect(Object.keys(await records(agent))).to.deep.equal(['srv_1', 'srv_2', 'srv_3'])
    for (const { changeId } of changes) ok(await agent.approve(changeId))
    const { srv_1, srv_4, ...others } = await records(agent)
    expect(srv_1).to.deep.equal({ id: 'srv_1', durationMinutes: 30, price: 1 })
    expect(srv_4).to.deep.equal({ id: 'srv_4', name: 'Nou' })
    expect(Object.keys(others)).to.deep.equal(['srv_3'])
  })

  it('tells who drafted it and who approved it', async () => {
    const server = await startAgentServer()
    const author = await rawAgent(server)
    const judge = await phoenixAgent(server, {
      operatorId: 'judge',
      permissions: ['session.open', 'change.approve', 'command.execute'],
    })
    const changeId = await draftPrice(author, 1)
    const approved = ok(await judge.approve(changeId))
    expect(approved['change']).to.deep.include({
      author: 'operator456',
      decidedBy: 'judge',
      decidedAt: approved['timestamp'],
    })
    expect(await author.event('agent_changes_approved')).to.deep.equal(approved)
    expect(await change(judge, changeId)).to.deep.equal(approved['change'])
  })

  it('is all that a server has that is not open to everybody', async () => {
    const verifyToken = async () => ({
      businessId: 'business123',
      operatorId: 'operator456',
      permissions: ['agent_access', 'data_query', 'draft_creation'],
      expiresAt: Number.POSITIVE_INFINITY,
    })
    const agent = await rawAgent(await startAgentServer({ verifyToken }))
    expect(await records(agent)).to.deep.equal({})
    ok(
      await agent.approve(
        (await drafted(agent, 'create', { recordId: 'a', data: {} }))['changeId'],
      ),
    )
    expect(await records(agent)).to.deep.equal({ a: { id: 'a' } })
  })

  it('is still there, as are those that wait, after a restart', async () => {
    const server = await startAgentServer()
    const agent = await rawAgent(server)
    const [one, two] = [
      await draftPrice(agent, 1),
      (await drafted(agent, 'delete', { recordId: 'srv_2' }))['changeId'],
    ]
    ok(await agent.approve(one))
    const later = await rawAgent(await server.restart())
    expect((await records(later))['srv_1']).to.deep.include({ price: 1 })
    ok(await later.approve(two))
    expect(Object.keys(await records(later))).to.deep.equal(['srv_1', 'srv_3'])
  })
})

describe('the list of changes', () => {
  afterEach(stopAgentServers)

  it('goes from page to page, oldest first, by status', async () => {
    // All in one millisecond.
    const now = Date.parse('2026-03-01T12:00:00Z')
    const agent = await rawAgent(await startAgentServer({ now: () => now }))
    const ids: string[] = []
    for (let count = 0; count < 7; count += 1) ids.push(await draftPrice(agent, count))
    ok(await agent.reject(ids[0]))
    ok(await agent.approve(ids[3]))
    ok(await agent.reject(ids[5]))

    /** The ids of each page. */
    async function pages(parameters: object): Promise<readonly unknown[][]> {
      const found: unknown[][] = []
      let after: unknown
      do {
        const page = await result(agent, 'list_changes', {
          ...parameters,
          ...(after !== undefined && { after }),
        })
        found.push((page['changes'] as readonly Payload[]).map(({ changeId }) => changeId))
        after = page['next']
      } while (after !== null)
      return found
    }
    const at = (...indices: number[]) => indices.map((index) => ids[index])
    expect(await pages({})).to.deep.equal([ids])
    expect(await pages({ limit: 7 })).to.deep.equal([ids])
    expect(await pages({ limit: 3 })).to.deep.equal([at(0, 1, 2), at(3, 4, 5), at(6)])
    expect(await pages({ status: 'rejected' })).to.deep.equal([at(0, 5)])
    expect(await pages({ status: 'approved', limit: 1 })).to.deep.equal([at(3)])
    expect(await pages({ status: 'pending', limit: 2 })).to.deep.equal([at(1, 2), at(4, 6)])
    expect(await pages({ status: 'expired' })).to.deep.equal([[]])
  })

  it('finds the last of very many', async () => {
    const agent = await rawAgent(await startAgentServer())
    for (let round = 0; round < 5; round += 1) {
      await Promise.all(Array.from({ length: 50 }, (_, price) => draftPrice(agent, price)))
    }
    const last = await draftPrice(agent, 1)
    ok(await agent.reject(last))
    const page = await result(agent, 'list_changes')
    expect(page['changes']).to.have.length(100)
    expect(page['next']).to.equal((page['changes'] as readonly Payload[])[99]?.['changeId'])
    const { changes, next } = await result(agent, 'list_changes', { status: 'rejected' })
    expect((changes as readonly Payload[]).map(({ changeId }) => changeId)).to.deep.equal([last])
    expect(next).to.equal(null)
  })

  it('refuses what is no status, no limit and no place to go on from', async () => {
    const agent = await rawAgent(await startAgentServer())
    const wrong = [{ status: 'open' }, { limit: 0 }, { limit: 201 }, { limit: 1.5 }, { after: '' }]
    for (const parameters of wrong) {
      expect(refusalOf(await agent.execute('list_changes', parameters))).to.equal('invalid_payload')
    }
  })
})
