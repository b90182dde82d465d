import { expect } from 'chai'
import { after, afterEach, before, beforeEach, describe, it } from 'mocha'
import type { SocketConnectOption } from 'phoenix'
import { StoreUnavailable } from '../../../channels/agent/store/store.ts'
import type { AgentSession, SessionOptions } from '../../../client/agent/index.ts'
import type { Verifier } from '../../../server/auth/verifier.ts'
import {
  type AgentServer,
  type AgentServerOptions,
  COMMANDS,
  startAgentServer,
  stopAgentServers,
} from '../../support/agent-server.ts'
import { agentError, listen, openSession } from '../../support/agent-session.ts'
import { inPlaceOf } from '../../support/in-place-of.ts'
import { numbers } from '../../support/numbers.ts'
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'
import { SECRET, token, verifierOf } from '../../support/tokens.ts'

describe('an agent session of the client whose connection is lost', () => {
  let server: AgentServer
  let proxy: TcpProxy

  const start = async (options: AgentServerOptions = {}) => {
    server = await startAgentServer({ commands: COMMANDS, ...options })
    proxy = await startTcpProxy(Number(new URL(server.url).port))
  }
  afterEach(async () => {
    await proxy.stop()
    await stopAgentServers()
  })

  /** Over the wire that can be cut, and straight to the server. */
  const behindProxy = (
    own: Partial<SessionOptions> = {},
    options: Partial<SocketConnectOption> = {},
  ) => openSession(`http://127.0.0.1:${proxy.port}`, own, options)
  const direct = async (sessionId: string) =>
    (await openSession(server.url, { sessionId, operatorId: 'other' })).session

  /** Cuts the wire. Resolves when the session knows of it, with its status since. */
  async function away(session: AgentSession) {
    const status = listen(session, 'status')
    proxy.cut()
    await status.next((change) => change.status === 'connecting')
    return status
  }

  describe('and comes back', () => {
    beforeEach(() => start())

    it('goes on by itself: every event once, in order, those that it missed too', async () => {
      const { session } = await behindProxy()
      const other = await direct(session.sessionId)
      const modified = listen(session, 'agent_query_modified')
      for (let round = 0; round < 3; round += 1) {
        await other.modifyQuery('services', { limit: 1 })
        const status = await away(session)
        for (const limit of [2, 3]) await other.modifyQuery('services', { limit })
        proxy.restore()
        await status.next((change) => change.status === 'ready' && session.status === 'ready')
        await other.modifyQuery('services', { limit: 4 })
      }
      await modified.next(({ seq }) => seq === 12)
      expect(modified.all.map(({ seq }) => seq)).to.deep.equal(numbers(1, 12))
      expect(modified.all.map(({ modifiedQuery }) => modifiedQuery.limit)).to.deep.equal([
        1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4,
      ])
      expect(session.position?.lastSeq).to.equal(12)
    })

    it('shows who is there again', async () => {
      const { session } = await behindProxy({ operatorId: 'first' })
      await away(session)
      await direct(session.sessionId)
      const operators = listen(session, 'operators')
      proxy.restore()
      await operators.next(() => session.operators.length === 2)
    })

    it('rejects what was sent and not answered with unavailable, and its event tells', async () => {
      const { session } = await behindProxy()
      const modified = listen(session, 'agent_query_modified')
      const other = await direct(session.sessionId)
      const heard = listen(other, 'agent_query_modified')
      proxy.loseAnswers()
      const unanswered = agentError(session.modifyQuery('services', { limit: 5 }))
      await heard.next()
      proxy.cut()
      expect(await unanswered).to.include({ code: 'unavailable' })
      proxy.restore()
      expect((await modified.next()).modifiedQuery.limit).to.equal(5)
      const { history } = await session.history()
      expect(history).to.have.lengthOf(1)
    })

    it('does nothing twice, and hears of all that was done, however often it is cut', async () => {
      const { session } = await behindProxy()
      const modified = listen(session, 'agent_query_modified')
      const outcomes: Promise<unknown>[] = []
      let limit = 0
      for (let round = 0; round < 8; round += 1) {
        for (let count = 0; count < 6; count += 1) {
          limit += 1
          const answer = session.modifyQuery('services', { limit })
          outcomes.push(
            answer.then(
              () => 'ok',
              ({ code }) => code,
            ),
          )
          // Some are on their way, some answered, when the connection goes.
          if (count === round % 6) await answer.catch(() => {})
        }
        const status = await away(session)
        proxy.restore()
        await status.next(() => session.status === 'ready')
      }
      const { seq } = await session.modifyQuery('services', { limit: 1_000 })
      await modified.next((event) => event.seq === seq)
      const { history } = await session.history()
      const limits = history.map(({ modifiedQuery }) => modifiedQuery.limit)
      expect(limits).to.deep.equal([...new Set(limits)].sort((a, b) => a - b))
      expect(modified.all.map((event) => event.seq)).to.deep.equal(numbers(1, limits.length))
      expect(modified.all.map(({ modifiedQuery }) => modifiedQuery.limit)).to.deep.equal(limits)
      const codes = await Promise.all(outcomes)
      expect(codes.every((code) => code === 'ok' || code === 'unavailable')).to.equal(true)
      for (const [index, code] of codes.entries()) {
        if (code === 'ok') expect(limits).to.include(index + 1)
      }
    })

    it('sends what was asked for meanwhile once it is authenticated again, in order', async () => {
      const { session } = await behindProxy()
      await away(session)
      const asked = [1, 2, 3].map((limit) => session.modifyQuery('services', { limit }))
      proxy.restore()
      const answers = await Promise.all(asked)
      expect(answers.map(({ seq, modifiedQuery }) => [seq, modifiedQuery.limit])).to.deep.equal([
        [1, 1],
        [2, 2],
        [3, 3],
      ])
    })

    it('never sends what nobody waits for any more', async () => {
      const { session } = await behindProxy()
      await away(session)
      const late = session.modifyQuery('services', { limit: 1 }, { timeoutMs: 20 })
      expect(await agentError(late)).to.include({ code: 'not_sent' })
      proxy.restore()
      expect((await session.history()).history).to.deep.equal([])
    })

    it('keeps the permissions that it has gone on with', async () => {
      const { session } = await behindProxy({ permissions: ['agent_access'] })
      await session.reauthenticate({ permissions: ['agent_access', 'query.modify'] })
      await away(session)
      proxy.restore()
      expect((await session.modifyQuery('services', { limit: 1 })).seq).to.equal(1)
    })

    it('stays away once it was closed', async () => {
      const { session } = await behindProxy()
      const other = await direct(session.sessionId)
      await away(session)
      const held = agentError(session.history())
      session.close()
      expect(await held).to.include({ code: 'not_sent' })
      proxy.restore()
      const operators = listen(other, 'operators')
      await behindProxy({ sessionId: session.sessionId, operatorId: 'later' })
      await operators.next(() => other.operators.length === 2)
      const here = other.operators.map(({ operatorId }) => operatorId)
      expect(here).to.have.members(['other', 'later'])
      expect(session.status).to.equal('closed')
    })
  })

  it('authenticates again and again as long as the store cannot be reached', async () => {
    let failures = 0
    await start({
      store: (store) =>
        inPlaceOf(store, {
          async open(session) {
            if (failures > 0) {
              failures -= 1
              throw new StoreUnavailable('away')
            }
            return store.open(session)
          },
        }),
    })
    const { session } = await behindProxy()
    const errors = listen(session, 'agent_auth_error')
    const { random } = Math
    Math.random = () => 0
    try {
      failures = 2
      await away(session)
      proxy.restore()
      for (const _ of [1, 2]) expect(await errors.next()).to.include({ code: 'unavailable' })
      expect((await session.modifyQuery('services', { limit: 1 })).seq).to.equal(1)
    } finally {
      Math.random = random
    }
  })

  it('stays closed where it is closed by who hears that events are lost', async () => {
    let epoch: string | undefined
    await start({
      store: (store) =>
        inPlaceOf(store, {
          open: async (key) => ({ ...(await store.open(key)), ...(epoch && { epoch }) }),
        }),
    })
    const { session } = await behindProxy()
    const status = listen(session, 'status')
    const lost = listen(session, 'not_recovered')
    session.on('not_recovered', () => session.close())
    epoch = 'another'
    proxy.cut()
    await status.next((change) => change.status === 'connecting')
    proxy.restore()
    expect(await lost.next()).to.deep.equal({ epoch, lastSeq: 0 })
    await status.next((change) => change.status === 'closed')
    expect(session.status).to.equal('closed')
    expect(status.all.map((change) => change.status)).to.deep.equal([
      'ready',
      'connecting',
      'closed',
    ])
  })

  describe('and whose token then grants less', () => {
    let verifier: Verifier
    let granted: string

    before(async () => {
      verifier = await verifierOf({ authSecret: SECRET })
    })
    after(() => verifier.close())

    /** Away, and with another token when it comes back. */
    const downgraded = async () => {
      await start({ verifyToken: verifier.verify })
      granted = token()
      const { session } = await behindProxy({}, { params: () => ({ token: granted }) })
      const status = await away(session)
      granted = token({ permissions: ['agent_access'] })
      return { session, status }
    }

    it('closes, and says why', async () => {
      const { session, status } = await downgraded()
      const held = agentError(session.history())
      proxy.restore()
      const { error } = await status.next((change) => change.status === 'closed')
      expect(error).to.include({ code: 'permission_denied' })
      expect(await held).to.include({ code: 'not_sent' })
    })

    it('comes back with the permissions that it was given meanwhile', async () => {
      const { session } = await downgraded()
      const answer = session.reauthenticate({ permissions: ['agent_access'] })
      proxy.restore()
      expect((await answer).recovered).to.equal(undefined)
      expect(session.status).to.equal('ready')
      expect(await agentError(session.history())).to.include({ code: 'permission_denied' })
    })
  })
})
