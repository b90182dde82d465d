import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { type AgentError, AgentSession } from '../../../client/agent/index.ts'
import {
  type AgentServer,
  COMMANDS,
  startAgentServer,
  stopAgentServers,
} from '../../support/agent-server.ts'
import { agentError, listen, openSession, sessionOptions } from '../../support/agent-session.ts'
import { openSocket } from '../../support/phoenix-client.ts'

const CANCEL = {
  repositoryType: 'appointments',
  operation: 'update',
  recordId: 'apt_1',
  data: { status: 'cancelled' },
} as const

const problem = ({ code, details }: AgentError) => ({
  code,
  paths: details.map(({ path }) => path),
})

describe('an agent session of the client', () => {
  let server: AgentServer

  before(async () => {
    server = await startAgentServer({ commands: COMMANDS, locale: 'en' })
  })
  after(stopAgentServers)

  const open = async (own = {}) => (await openSession(server.url, own)).session
  const draft = async (session: AgentSession) => {
    const { result } = await session.execute<{ changeId: string }>('create_draft', CANCEL)
    return result.changeId
  }

  describe('opens', () => {
    it('once it is joined and authenticated, at the session’s present number', async () => {
      const first = await open()
      expect(first.status).to.equal('ready')
      expect(first.reconnectJitterMs).to.equal(5_000)
      await first.modifyQuery('services', { limit: 1 })
      const second = await open({ sessionId: first.sessionId })
      expect(second.position).to.deep.equal({ epoch: second.position?.epoch, lastSeq: 1 })
    })

    it('not where the join is refused', async () => {
      const error = await agentError(open({ sessionId: 'no session' }))
      expect(error).to.include({ code: 'invalid_payload', message: 'The data sent is not valid' })
    })

    it('not where the authentication is refused', async () => {
      const error = await agentError(open({ permissions: ['data_query'] }))
      expect(problem(error)).to.deep.equal({ code: 'permission_denied', paths: [] })
    })

    it('not without a server, in the time that it may take', async () => {
      const socket = await openSocket(`${server.url}/socket`)
      socket.disconnect()
      const opening = AgentSession.open(socket, sessionOptions({ timeoutMs: 50 }))
      expect(await agentError(opening)).to.include({ code: 'unavailable' })
    })

    it('not where the socket takes no more channels, and says why', async () => {
      const socket = await openSocket(`${server.url}/socket`)
      for (let count = 0; count < 100; count += 1)
        socket.channel(`agent:full-${count}`, { businessId: 'b1' }).join()
      const opening = AgentSession.open(socket, sessionOptions({ timeoutMs: 1_500 }))
      const error = await agentError(opening)
      expect(error).to.include({ code: 'unavailable' })
      expect(error.cause).to.include({ message: 'too many channels joined' })
    })
  })

  describe('answers', () => {
    it('a command with its result, and an error where it fails', async () => {
      const session = await open()
      expect(await session.execute('echo', { value: 7 })).to.include({ command: 'echo' })
      const { result } = await session.execute<{ records: unknown[] }>('run_query', {
        repositoryType: 'services',
      })
      expect(result.records).to.have.length.greaterThan(0)
      expect(problem(await agentError(session.execute('nothing')))).to.deep.equal({
        code: 'unknown_command',
        paths: [],
      })
      const strange = session.execute('echo', { value: 1, other: 2 })
      expect(problem(await agentError(strange))).to.deep.equal({
        code: 'invalid_payload',
        paths: ['/payload/parameters'],
      })
    })

    it('a modification by members of the query, and by a list', async () => {
      const session = await open()
      const byMembers = await session.modifyQuery('services', { limit: 5, sort: { name: 'desc' } })
      expect(byMembers.modifiedQuery).to.deep.include({ limit: 5, sort: { name: 'desc' } })
      const byList = await session.modifyQuery('services', [
        { field: 'filters', operation: 'add', value: { price: 5 } },
      ])
      expect(byList.modifiedQuery).to.deep.include({ limit: 5, filters: { price: 5 } })
      expect([byMembers.seq, byList.seq]).to.deep.equal([1, 2])
    })

    it('a malformed modification with what is wrong with it, in either form', async () => {
      const session = await open()
      const byMembers = await agentError(session.modifyQuery('services', { limit: 0 }))
      expect(problem(byMembers)).to.deep.equal({
        code: 'invalid_payload',
        paths: ['/payload/modifications/limit'],
      })
      const byList = await agentError(session.modifyQuery('services', []))
      expect(problem(byList)).to.deep.equal({ code: 'invalid_payload', paths: ['/modifications'] })
      expect(await agentError(session.modifyQuery('nothing', { limit: 1 }))).to.include({
        code: 'unknown_repository',
      })
    })

    it('a revert with the query as it was, once', async () => {
      const session = await open()
      const { modificationId } = await session.modifyQuery('services', { limit: 5 })
      expect((await session.revert(modificationId)).originalQuery.limit).to.equal(100)
      expect(await agentError(session.revert(modificationId))).to.include({
        code: 'already_reverted',
      })
      expect(await agentError(session.revert('mod_0'))).to.include({ code: 'unknown_modification' })
    })

    it('the history, in pages', async () => {
      const session = await open()
      const ids: string[] = []
      for (const limit of [1, 2, 3])
        ids.push((await session.modifyQuery('services', { limit })).modificationId)
      const { history } = await session.history()
      expect(history.map(({ modificationId }) => modificationId)).to.deep.equal(ids)
      const page = await session.history({ limit: 1, before: String(ids[2]) })
      expect(page.history.map(({ modifiedQuery }) => modifiedQuery.limit)).to.deep.equal([2])
      expect(await agentError(session.history({ limit: 0 }))).to.include({
        code: 'invalid_payload',
      })
    })

    it('an approval and a rejection, one of which decides', async () => {
      const session = await open()
      const [approved, rejected] = [await draft(session), await draft(session)]
      expect((await session.reject(rejected, 'not now')).change).to.include({
        status: 'rejected',
        reason: 'not now',
      })
      expect((await session.approve(approved)).change).to.include({ status: 'approved' })
      expect(await agentError(session.approve(rejected))).to.include({ code: 'already_decided' })
      expect(await agentError(session.reject(approved, 'no'))).to.include({
        code: 'already_decided',
      })
      expect(await agentError(session.reject('chg_0', 'no'))).to.include({ code: 'unknown_change' })
      expect(await agentError(session.reject(approved, ''))).to.include({ code: 'invalid_payload' })
    })

    it('unavailable where no answer comes in time, and the event tells later', async () => {
      const session = await open()
      const results = listen(session, 'agent_command_result')
      const slow = session.execute('announce_later', { name: session.sessionId }, { timeoutMs: 50 })
      expect(await agentError(slow)).to.include({ code: 'unavailable' })
      await session.execute('open', { name: session.sessionId })
      expect(await results.next(({ seq }) => seq === 1)).to.include({ command: 'announce_later' })
    })

    it('not_sent for what has no JSON form', async () => {
      const session = await open()
      const error = await agentError(session.execute('echo', { value: 1n }))
      expect(error).to.include({ code: 'not_sent' })
      expect(error.cause).to.be.an.instanceOf(TypeError)
      expect(await session.execute('echo', { value: 1 })).to.include({ success: true })
    })
  })

  describe('tells its listeners', () => {
    it('what another operator does, each event as it was answered there', async () => {
      const author = await open({ operatorId: 'author' })
      const watcher = await open({ operatorId: 'watcher', sessionId: author.sessionId })
      const modified = listen(watcher, 'agent_query_modified')
      const reverted = listen(watcher, 'agent_query_reverted')
      const pending = listen(watcher, 'agent_change_pending')
      const drafted = listen(watcher, 'agent_command_result')
      const approved = listen(watcher, 'agent_changes_approved')
      const rejected = listen(watcher, 'agent_changes_rejected')

      const modification = await author.modifyQuery('services', { limit: 5 })
      expect(await modified.next()).to.deep.equal(modification)
      expect(await author.revert(modification.modificationId)).to.deep.equal(await reverted.next())
      const changeId = await draft(author)
      expect((await pending.next()).change).to.include({ changeId, author: 'author' })
      expect(await drafted.next()).to.include({ command: 'create_draft', operatorId: 'author' })
      expect(await author.approve(changeId)).to.deep.equal(await approved.next())
      expect(await author.reject(await draft(author), 'no')).to.deep.equal(await rejected.next())
    })

    it('its own errors, too', async () => {
      const session = await open()
      const errors = listen(session, 'agent_approval_error')
      await agentError(session.approve('chg_0'))
      expect(await errors.next()).to.include({ success: false, code: 'unknown_change' })
    })

    it('who is there, and no more once they left', async () => {
      const first = await open({ operatorId: 'first' })
      const seen = listen(first, 'operators')
      const names = (operators: readonly { operatorId: string }[]) =>
        operators.map(({ operatorId }) => operatorId)
      await seen.next((operators) => names(operators).join() === 'first')
      const second = await open({
        operatorId: 'second',
        sessionId: first.sessionId,
        permissions: ['agent_access'],
      })
      const both = await seen.next((operators) => operators.length === 2)
      expect(names(both)).to.have.members(['first', 'second'])
      const metas = both.find(({ operatorId }) => operatorId === 'second')?.metas ?? []
      expect(metas.map(({ permissions }) => permissions)).to.deep.equal([
        ['session.open', 'command.execute'],
      ])
      second.close()
      await seen.next(() => first.operators.length === 1)
      expect(names(first.operators)).to.deep.equal(['first'])
    })

    it('nothing any more once they do not listen', async () => {
      const session = await open()
      const heard: number[] = []
      const off = session.on('agent_query_modified', ({ seq }) => heard.push(seq))
      const modified = listen(session, 'agent_query_modified')
      await session.modifyQuery('services', { limit: 1 })
      await modified.next()
      off()
      await session.modifyQuery('services', { limit: 2 })
      await modified.next(({ seq }) => seq === 2)
      expect(heard).to.deep.equal([1])
    })

    it('everything since a position that another session had', async () => {
      const before = await open()
      const { sessionId, position: resume } = before
      for (const limit of [1, 2, 3]) await before.modifyQuery('services', { limit })
      const back = await open({ sessionId, resume })
      const modified = listen(back, 'agent_query_modified')
      await modified.next(({ seq }) => seq === 3)
      expect(modified.all.map(({ seq }) => seq)).to.deep.equal([1, 2, 3])
    })
  })

  describe('has other permissions', () => {
    it('once it has authenticated with them', async () => {
      const session = await open({ permissions: ['agent_access'] })
      expect(await agentError(session.modifyQuery('services', { limit: 1 }))).to.include({
        code: 'permission_denied',
      })
      await session.reauthenticate({ permissions: ['agent_access', 'query.modify'] })
      expect((await session.modifyQuery('services', { limit: 1 })).seq).to.equal(1)
    })

    it('not where that is refused', async () => {
      const session = await open()
      const refused = session.reauthenticate({ permissions: ['data_query'] })
      expect(await agentError(refused)).to.include({ code: 'permission_denied' })
      expect((await session.modifyQuery('services', { limit: 1 })).seq).to.equal(1)
      expect(session.status).to.equal('ready')
    })
  })

  describe('closes', () => {
    it('by itself: what waits is told, and nothing is sent any more', async () => {
      const session = await open()
      const status = listen(session, 'status')
      const waiting = agentError(session.execute('pass', { name: session.sessionId }))
      session.close()
      session.close()
      expect(await waiting).to.include({ code: 'unavailable' })
      expect(await agentError(session.history())).to.include({ code: 'not_sent' })
      expect(session.status).to.equal('closed')
      expect(await status.next((change) => change.status === 'closed')).to.deep.equal({
        status: 'closed',
      })
    })

    it('where the socket joins the topic again', async () => {
      const { session, socket } = await openSession(server.url)
      const { sessionId } = session
      const again = await AgentSession.open(socket, sessionOptions({ sessionId }))
      expect(session.status).to.equal('closed')
      expect((await again.modifyQuery('services', { limit: 1 })).seq).to.equal(1)
    })
  })
})
