import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import type { Verifier } from '../../../server/auth/verifier.ts'
import { outcome, rawAgent } from '../../support/agent-client.ts'
import { type AgentServer, startAgentServer, stopAgentServers } from '../../support/agent-server.ts'
import { SECRET, token, verifierOf } from '../../support/tokens.ts'
import { connectWire, replyTo } from '../../support/wire-client.ts'

describe('with a token', () => {
  let server: AgentServer
  let verifier: Verifier
  before(async () => {
    verifier = await verifierOf({ authSecret: SECRET })
    server = await startAgentServer({ verifyToken: verifier.verify })
  })
  after(async () => {
    await stopAgentServers()
    verifier.close()
  })

  /** A client whose token says this; it asks for what it asks for. */
  async function authenticate(
    changes: { readonly businessId?: string; readonly permissions?: readonly string[] },
    asked: object,
  ): Promise<unknown> {
    const params = { token: token(changes) }
    const agent = await rawAgent(server, {}, { authenticated: false, params })
    return outcome(await agent.authenticate(asked))
  }

  it('joins only the business of the token', async () => {
    const params = { token: token({ businessId: 'business456' }) }
    const wire = await connectWire(server.url, { params })
    wire.push({ topic: 'agent:s1', event: 'phx_join', payload: { businessId: 'b' }, ref: '1' })
    const { payload } = await wire.next(replyTo('1'))
    expect(payload).to.deep.equal({
      status: 'error',
      response: {
        success: false,
        code: 'permission_denied',
        message: 'Permisiuni insuficiente',
      },
    })
  })

  it('is the operator of the token, and no other', async () => {
    expect(await authenticate({}, {})).to.equal('ok')
    expect(await authenticate({}, { operatorId: 'operator457' })).to.equal('permission_denied')
    expect(await authenticate({}, { operatorId: 'Operator456' })).to.equal('permission_denied')
  })

  it('gets permissions that the token grants, and no others', async () => {
    const claims = { permissions: ['agent_access', 'query.modify', 'query.history'] }
    expect(await authenticate(claims, { permissions: ['agent_access'] })).to.equal('ok')
    expect(await authenticate(claims, { permissions: ['session.open'] })).to.equal('ok')
    const some = { permissions: ['session.open', 'query.history'] }
    expect(await authenticate(claims, some)).to.equal('ok')
    const others = { permissions: ['session.open', 'query.history', 'query.revert'] }
    expect(await authenticate(claims, others)).to.equal('permission_denied')
  })

  it('gets a coarse permission where the token grants all that it stands for', async () => {
    const asked = { permissions: ['agent_access', 'data_query'] }
    const [first, ...others] = ['query.modify', 'query.revert', 'query.history', 'record.read']
    const most = { permissions: ['agent_access', ...others] }
    expect(await authenticate(most, asked)).to.equal('permission_denied')
    const all = { permissions: ['agent_access', first ?? '', ...others] }
    expect(await authenticate(all, asked)).to.equal('ok')
  })

  it('gets nothing from permissions of the token that nobody knows', async () => {
    const claims = { permissions: ['*', 'admin', '__proto__'] }
    expect(await authenticate(claims, { permissions: ['session.open'] })).to.equal(
      'permission_denied',
    )
  })
})
