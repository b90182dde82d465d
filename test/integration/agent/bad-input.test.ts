import { expect } from 'chai'
import { after, afterEach, before, beforeEach, describe, it } from 'mocha'
import { ERROR_EVENTS, type Operation } from '../../../channels/agent/contract.ts'
import {
  type AgentClient,
  nested,
  ok,
  type Payload,
  phoenixAgent,
  type Reply,
  refusalOf,
  WHO,
} from '../../support/agent-client.ts'
import {
  type AgentServer,
  COMMANDS,
  startAgentServer,
  stopAgentServers,
} from '../../support/agent-server.ts'
import { connectWire, replyTo, type WireClient } from '../../support/wire-client.ts'
import { DEEP, MALFORMED, MISSING, wireText } from './malformed.ts'
import { VALID } from './scenario.ts'

const TOPIC = `agent:${WHO.sessionId}`
const OPERATIONS = Object.keys(ERROR_EVENTS) as readonly Operation[]
const NO_OBJECT = [null, true, false, 0, 'text', '', [], [{}], DEEP]

/** The object with one member replaced, or left out. */
function replaced(object: Payload, member: string, value: unknown): Payload {
  const members = Object.entries({ ...object, [member]: value })
  return Object.fromEntries(members.filter(([, each]) => each !== MISSING))
}

const inner = (payload: Payload) => payload['payload'] as Payload | undefined

/** The valid payload with one member, of the nested one where it is nested, replaced. */
function spoilt(operation: Operation, member: string, value: unknown): Payload {
  const payload = VALID[operation](WHO)
  const within = inner(payload)
  if (!within) return replaced(payload, member, value)
  return { ...payload, payload: replaced(within, member, value) }
}

describe('bad input', () => {
  let server: AgentServer
  /** Sends it. */
  let wire: WireClient
  /** Works in the same session all the while. */
  let bystander: AgentClient
  let refs = 1

  before(async () => {
    server = await startAgentServer({ commands: COMMANDS })
    bystander = await phoenixAgent(server, { operatorId: 'bystander' })
  })
  beforeEach(async () => {
    wire = await connectWire(server.url, { vsn: null })
    ok(await request('phx_join', { businessId: WHO.businessId }))
    ok(await request('agent_authenticate', VALID.agent_authenticate(WHO)))
  })
  afterEach(() => wire.terminate())
  after(stopAgentServers)

  async function request(event: unknown, payload: unknown, topic = TOPIC): Promise<Reply> {
    refs += 1
    const ref = String(refs)
    wire.send(wireText({ topic, event, payload, ref }))
    const isAnswer = replyTo(ref)
    const answer = await wire.next((frame) => isAnswer(frame) || frame.event === 'phx_error')
    return answer.payload as Reply
  }

  async function expectNobodyMinds(): Promise<void> {
    ok(await bystander.history({ limit: 1 }))
    ok(await request('agent_query_history', VALID.agent_query_history(WHO)))
    expect(server.errors).to.deep.equal([])
  }

  async function expectRefused(
    event: unknown,
    payload: unknown,
    errorEvent: string,
  ): Promise<Payload> {
    const reply = await request(event, payload)
    expect(refusalOf(reply), JSON.stringify(payload)).to.equal('invalid_payload')
    const pushed = await wire.next((frame) => frame.event === errorEvent)
    expect(pushed).to.deep.include({ payload: reply.response, ref: null })
    await expectNobodyMinds()
    return reply.response
  }

  for (const operation of OPERATIONS) {
    const errorEvent = ERROR_EVENTS[operation]
    const valid = VALID[operation](WHO)

    describe(`in ${operation}`, () => {
      it('is refused where the payload is no object', async () => {
        for (const payload of NO_OBJECT) await expectRefused(operation, payload, errorEvent)
      })

      if (inner(valid)) {
        it('is refused where the nested payload is no object', async () => {
          for (const payload of [MISSING, ...NO_OBJECT]) {
            await expectRefused(operation, replaced(valid, 'payload', payload), errorEvent)
          }
        })
      }

      for (const [member, values] of Object.entries(MALFORMED[operation])) {
        it(`is refused with a ${member} that is none`, async () => {
          for (const value of values) {
            await expectRefused(operation, spoilt(operation, member, value), errorEvent)
          }
        })
      }

      it('is not what members are that nobody knows', async () => {
        const extra = JSON.parse('{"extra":"<deep>","__proto__":{"code":1},"constructor":null}')
        const within = inner(valid) ? { ...inner(valid), ...extra } : null
        const got = await request(operation, { ...valid, ...extra, payload: within })
        const plain = await request(operation, valid)
        expect([got.status, got.response['code']]).to.deep.equal([
          plain.status,
          plain.response['code'],
        ])
        await expectNobodyMinds()
      })
    })
  }

  describe('as an event', () => {
    const UNKNOWN = ['', 'agent_', 'agent_authenticated', 'constructor', '__proto__', 'heartbeat']
    const RESERVED = ['phx_reply', 'phx_error', 'phx_close', 'phx_']
    const NO_TEXT = [null, true, 7, [], {}, ['agent_query_history'], DEEP]

    it('is refused where nobody knows it', async () => {
      for (const event of [...UNKNOWN, ...RESERVED, ...NO_TEXT]) {
        await expectRefused(event, VALID.agent_query_history(WHO), 'agent_command_error')
      }
    })

    it('is refused without a ref, too', async () => {
      wire.send(wireText({ topic: TOPIC, event: 'nonsense', payload: {} }))
      const { payload, ref } = await wire.next((frame) => frame.event === 'agent_command_error')
      expect([(payload as Payload)['code'], ref]).to.deep.equal(['invalid_payload', null])
      await expectNobodyMinds()
    })
  })

  describe('in a join', () => {
    const REFUSED = { success: false, code: 'invalid_payload' }

    it('is refused where the payload is none', async () => {
      const values = [
        ...NO_OBJECT,
        {},
        ...['', 7, null, '\ud800'].map((businessId) => ({ businessId })),
      ]
      for (const payload of values) {
        const reply = await request('phx_join', payload, 'agent:other')
        expect(reply.status).to.equal('error')
        expect(reply.response).to.deep.include(REFUSED)
        await expectNobodyMinds()
      }
    })

    it('is refused where the topic names no session', async () => {
      for (const sessionId of ['', 'a b', 'a/b', 'ș', 'x'.repeat(129)]) {
        const reply = await request('phx_join', { businessId: 'b' }, `agent:${sessionId}`)
        expect(reply.status).to.equal('error')
        expect(reply.response).to.deep.include(REFUSED)
        await expectNobodyMinds()
      }
    })
  })

  describe('in parameters', () => {
    const run = (command: string, parameters: object) =>
      request('agent_execute_command', nested(WHO, { command, parameters }))

    it('is refused by the command where it has too many levels for an answer', async () => {
      expect(refusalOf(await run('echo', { value: DEEP }))).to.equal('command_failed')
      expect(refusalOf(await run('announce', { value: DEEP }))).to.equal('command_failed')
      const draft = { repositoryType: 'services', operation: 'create', data: { value: DEEP } }
      expect(refusalOf(await run('create_draft', draft))).to.equal('command_failed')
      ok(await bystander.history())
    })

    it('does not begin at a thousand levels', async () => {
      const value: unknown = JSON.parse('['.repeat(1_000) + ']'.repeat(1_000))
      expect(ok(await run('echo', { value }))['result']).to.deep.equal({ value })
    })
  })

  describe('in a ref', () => {
    it('crashes its own channel alone where no answer can carry it', async () => {
      for (const event of OPERATIONS) {
        for (const payload of [VALID[event](WHO), {}]) {
          wire.send(wireText({ topic: TOPIC, event, payload, ref: DEEP }))
          await wire.next((frame) => frame.event === 'phx_error')
          ok(await bystander.history())
          ok(await request('phx_join', { businessId: WHO.businessId }))
          ok(await request('agent_authenticate', VALID.agent_authenticate(WHO)))
        }
      }
    })
  })
})
