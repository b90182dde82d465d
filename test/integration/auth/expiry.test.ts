import { expect } from 'chai'
import { after, afterEach, before, describe, it } from 'mocha'
import type { Verifier } from '../../../server/auth/verifier.ts'
import { type AgentClient, ok, rawAgent, refusalOf } from '../../support/agent-client.ts'
import { type AgentServer, startAgentServer, stopAgentServers } from '../../support/agent-server.ts'
import { inPlaceOf } from '../../support/in-place-of.ts'
import { closeSockets, closesOf, openSocket, pushOk } from '../../support/phoenix-client.ts'
import { Queue } from '../../support/queue.ts'
import { inSeconds, SECRET, token, verifierOf } from '../../support/tokens.ts'
import { connectWire, replyTo, terminateWires } from '../../support/wire-client.ts'

/** Seconds that a token is valid for: enough to authenticate, on a busy machine. */
const SHORT = 1.5

const NESTED = { sessionId: 'session123', businessId: 'business123' }
const IDENTITY = {
  ...NESTED,
  operatorId: 'operator456',
  permissions: ['agent_access', 'data_query'],
}

describe('a token that expires while its operator is connected (contract 4)', function () {
  this.timeout(30_000)
  let server: AgentServer
  let verifier: Verifier

  before(async () => {
    verifier = await verifierOf({ authSecret: SECRET })
    server = await startAgentServer({ verifyToken: verifier.verify })
  })
  afterEach(async () => {
    terminateWires()
    await closeSockets()
  })
  after(async () => {
    await stopAgentServers()
    verifier.close()
  })

  /** A joined wire of the topic, whose token expires in so many seconds. */
  async function joinedFor(seconds: number) {
    const exp = inSeconds(seconds)
    const wire = await connectWire(server.url, { params: { token: token({ exp }) } })
    let refs = 0
    const request = async (event: string, payload: object) => {
      refs += 1
      const ref = String(refs)
      wire.push({ topic: 'agent:session123', event, payload, ref, joinRef: '1' })
      const { payload: reply } = await wire.next(replyTo(ref))
      return reply as { readonly status: string; readonly response: { readonly code?: string } }
    }
    expect((await request('phx_join', { businessId: 'business123' })).status).to.equal('ok')
    const authenticate = () =>
      request('agent_authenticate', { sessionId: 'session123', payload: IDENTITY })
    return { wire, request, authenticate, exp }
  }

  type Joined = Awaited<ReturnType<typeof joinedFor>>

  async function authenticatedFor(seconds: number): Promise<Joined> {
    const joined = await joinedFor(seconds)
    expect((await joined.authenticate()).status).to.equal('ok')
    return joined
  }

  /** Asks on and on, until that fails. */
  async function refusedAtLast(ask: () => ReturnType<Joined['request']>) {
    for (;;) {
      const reply = await ask()
      if (reply.status !== 'ok') return reply.response
    }
  }

  /** One that outlives the others, and works. */
  const colleague = (): Promise<AgentClient> =>
    rawAgent(
      server,
      { operatorId: 'colleague' },
      { params: { token: token({ sub: 'colleague' }) } },
    )

  it('gets session_expired for its next request, then 4401', async () => {
    const { wire, request } = await authenticatedFor(SHORT)
    const idle = await authenticatedFor(SHORT)
    let isIdleOpen = true
    void idle.wire.closed.then(() => {
      isIdleOpen = false
    })
    const refused = await refusedAtLast(() =>
      request('agent_query_history', { sessionId: 'session123' }),
    )
    expect(refused).to.deep.equal({
      success: false,
      code: 'session_expired',
      message: 'Sesiunea a expirat',
    })
    const { payload } = await wire.next((frame) => frame.event === 'agent_history_error')
    expect(payload).to.deep.equal(refused)
    expect((await wire.closed).code).to.equal(4401)
    // One that asks for nothing is closed later.
    expect(isIdleOpen).to.equal(true)
  })

  it('gets session_expired for authenticating, too', async () => {
    const { wire, authenticate } = await joinedFor(SHORT)
    expect(await refusedAtLast(authenticate)).to.include({ code: 'session_expired' })
    await wire.next((frame) => frame.event === 'agent_auth_error')
    expect((await wire.closed).code).to.equal(4401)
  })

  it('gets it, and nothing of the session, where that happens while it authenticates', async () => {
    let expiresAt = 0
    const slow = await startAgentServer({
      verifyToken: verifier.verify,
      store: (store) =>
        inPlaceOf(store, {
          async open(session) {
            while (Date.now() < expiresAt) await new Promise(setImmediate)
            return store.open(session)
          },
        }),
    })
    expiresAt = Date.now() + 1_000 * SHORT
    const params = { token: token({ exp: expiresAt / 1_000 }) }
    const agent = await rawAgent(slow, {}, { authenticated: false, params })
    expect(refusalOf(await agent.authenticate())).to.equal('session_expired')
    await agent.event('agent_auth_error')
    expect(agent.everything.map(({ event }) => event)).to.deep.equal([
      'phx_reply',
      'phx_reply',
      'agent_auth_error',
    ])
  })

  it('is told of what is wrong with a request first, in the contract’s order', async () => {
    const { request } = await joinedFor(SHORT)
    const history = (sessionId: string) => request('agent_query_history', { sessionId })
    const watch = await authenticatedFor(SHORT)
    await refusedAtLast(() => watch.request('agent_query_history', { sessionId: 'session123' }))
    expect((await history('session 1')).response.code).to.equal('invalid_payload')
    expect((await history('session456')).response.code).to.equal('session_mismatch')
    expect((await history('session123')).response.code).to.equal('not_authenticated')
  })

  it('gets no session event from that moment on, while its colleagues do', async () => {
    const other = await colleague()
    const { wire, exp } = await authenticatedFor(SHORT)
    let isOpen = true
    void wire.closed.then(() => {
      isOpen = false
    })
    while (isOpen) ok(await other.modifyQuery('customers', { limit: 5 }))
    expect((await wire.closed).code).to.equal(4401)
    const times = (frames: readonly { readonly event: unknown; readonly payload: unknown }[]) =>
      frames
        .filter(({ event }) => event === 'agent_query_modified')
        .map(({ payload }) => Date.parse((payload as { timestamp: string }).timestamp))
    const received = times(wire.frames)
    expect(received).to.not.deep.equal([])
    expect(Math.max(...received)).to.be.at.most(exp * 1_000)
    expect(Math.max(...times(other.log))).to.be.above(exp * 1_000)
  })

  it('comes back by itself, with phoenix.js and a function that gives a new token', async () => {
    const tokens = [token({ exp: inSeconds(SHORT) })]
    const params = () => ({ token: tokens.at(-1) })
    const socket = await openSocket(`${server.url}/socket`, { params })
    const joins = new Queue<unknown>(String)
    const closes = closesOf(socket)
    const channel = socket.channel('agent:session123', { businessId: 'business123' })
    channel.join().receive('ok', (reply: unknown) => joins.push(reply))
    await joins.next()
    const request = { sessionId: 'session123', payload: IDENTITY }
    await pushOk(channel, 'agent_authenticate', request)
    tokens.push(token())
    const history = () => pushOk(channel, 'agent_query_history', { sessionId: 'session123' })
    let failure: unknown
    while (failure === undefined)
      await history().catch((error) => {
        failure = error
      })
    expect(String(failure)).to.contain('"code":"session_expired"')
    expect(await closes.next()).to.equal(4401)
    await joins.next()
    await pushOk(channel, 'agent_authenticate', request)
    await history()
  })
})
