import { createRequire } from 'node:module'
import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import type { Socket } from 'phoenix'
import { WebSocket } from 'ws'
import { AgentSession } from '../../../client/agent/index.ts'
import { type AgentServer, startAgentServer, stopAgentServers } from '../../support/agent-server.ts'
import { agentError, listen, openSession, sessionOptions } from '../../support/agent-session.ts'
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'

const require = createRequire(import.meta.url)

describe('an agent session of the client over the phoenix.js of', () => {
  let server: AgentServer
  let proxy: TcpProxy
  let socket: Socket | undefined

  beforeEach(async () => {
    server = await startAgentServer()
    proxy = await startTcpProxy(Number(new URL(server.url).port))
  })
  afterEach(async () => {
    socket?.disconnect()
    await proxy.stop()
    await stopAgentServers()
  })

  for (const release of ['1.6', '1.7']) {
    it(`${release} works, comes back, and leaves`, async () => {
      const { Socket: Old } = require(`phoenix-${release}`) as typeof import('phoenix')
      socket = new Old(`ws://127.0.0.1:${proxy.port}/socket`, { transport: WebSocket })
      socket.connect()
      const session = await AgentSession.open(socket, sessionOptions())
      const { sessionId } = session
      const modified = listen(session, 'agent_query_modified')
      const status = listen(session, 'status')
      const { session: other } = await openSession(server.url, { sessionId, operatorId: 'other' })
      const operators = listen(other, 'operators')
      await session.modifyQuery('services', { limit: 1 })
      expect(await agentError(session.approve('chg_0'))).to.include({ code: 'unknown_change' })

      proxy.cut()
      await status.next((change) => change.status === 'connecting')
      await other.modifyQuery('services', { limit: 2 })
      const held = session.modifyQuery('services', { limit: 3 })
      proxy.restore()
      expect((await held).seq).to.equal(3)
      await modified.next(({ seq }) => seq === 3)
      expect(modified.all.map(({ seq }) => seq)).to.deep.equal([1, 2, 3])

      await operators.next(() => other.operators.length === 2)
      expect(session.operators).to.have.lengthOf(2)
      session.close()
      await operators.next(() => other.operators.length === 1)
    })
  }
})
