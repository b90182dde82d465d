import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { ERROR_CODES } from '../../../channels/agent/codes.ts'
import { ERROR_EVENTS, EVENTS } from '../../../channels/agent/contract.ts'
import {
  type AgentClient,
  CLIENTS,
  type ConnectAgent,
  type Payload,
  type Reply,
  rawAgent,
} from '../../support/agent-client.ts'
import { COMMANDS, startAgentServer, stopAgentServers } from '../../support/agent-server.ts'
import { FAILURES } from './failures.ts'
import { ERROR_MESSAGES, SUCCESS_MESSAGES } from './messages.ts'
import type { Failure, Scenario, Success } from './scenario.ts'
import { SUCCESSES } from './successes.ts'

type Locale = keyof typeof ERROR_MESSAGES

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

/** Codes that need more than these scenarios have: a server that verifies tokens (auth/expiry.test.ts). */
const SEEN_ELSEWHERE = ['session_expired']

interface Play {
  readonly agent: AgentClient
  readonly reply: Reply
  /** Whose payload the event was. */
  readonly event: Payload
}

/** Plays a scenario; the event must have come right behind the reply, without a ref. */
async function play(scenario: Scenario, connect: ConnectAgent, locale: Locale): Promise<Play> {
  let now = Date.parse('2026-03-01T12:00:00Z')
  const server = await startAgentServer({ locale, commands: COMMANDS, now: () => now })
  const { as = {} } = scenario
  const isNobody = as === 'nobody'
  const agent = await connect(server, isNobody ? {} : as, { authenticated: !isNobody })
  const advance = (ms: number) => {
    now += ms
  }
  const stage = { server, agent, advance }
  const payload = await scenario.payload(stage)
  const ref = agent.send(scenario.operation, payload)
  await scenario.meanwhile?.(stage)
  const reply = await agent.reply(ref)
  const at = agent.log.findIndex((message) => message.event === 'phx_reply' && message.ref === ref)
  await agent.fence()
  const behind = agent.log[at + 1]
  expect(behind).to.include({ event: scenario.event, ref: null })
  return { agent, reply, event: behind?.payload as Payload }
}

async function succeeds(scenario: Success, connect: ConnectAgent, locale: Locale): Promise<void> {
  const { reply, event } = await play(scenario, connect, locale)
  const { response } = reply
  expect(response['timestamp']).to.match(TIMESTAMP)
  expect(reply).to.deep.equal({
    status: 'ok',
    response: {
      success: true,
      ...(scenario.says && { message: SUCCESS_MESSAGES[locale][scenario.says] }),
      ...scenario.answer(response),
      operatorId: 'operator456',
      timestamp: response['timestamp'],
    },
  })
  expect(event).to.deep.equal(response)
}

async function fails(scenario: Failure, connect: ConnectAgent, locale: Locale): Promise<void> {
  const { code, command, about, details } = scenario
  const { reply, event } = await play(scenario, connect, locale)
  const { details: found, ...members } = reply.response
  const { commandId } = members
  expect({ status: reply.status, ...members }).to.deep.equal({
    status: 'error',
    success: false,
    code,
    message: ERROR_MESSAGES[locale][code],
    ...(command === undefined ? about : { command, commandId }),
  })
  if (command !== undefined) expect(commandId).to.match(/^cmd_[\w-]{16}$/)
  // What `refuse` says is in details is its own; everybody else's are listed.
  if (command !== 'refuse') {
    expect((found as Payload[] | undefined)?.map(({ path }) => path)).to.deep.equal(details)
  }
  expect(event).to.deep.equal(reply.response)
}

describe('the operations of an agent', () => {
  afterEach(stopAgentServers)

  for (const { name, connect } of CLIENTS) {
    describe(`with ${name}, in Romanian`, () => {
      for (const scenario of SUCCESSES) {
        it(`answers ${scenario.title} with ${scenario.event}`, () =>
          succeeds(scenario, connect, 'ro'))
      }
      for (const scenario of FAILURES) {
        it(`answers ${scenario.title} with ${scenario.event}: ${scenario.code}`, () =>
          fails(scenario, connect, 'ro'))
      }
    })
  }

  describe('with LOCALE=en', () => {
    for (const scenario of SUCCESSES.filter(({ says }) => says)) {
      it(`says in English that ${scenario.title} succeeded`, () =>
        succeeds(scenario, rawAgent, 'en'))
    }
    for (const scenario of firstOfEachCode()) {
      it(`says ${scenario.code} in English`, () => fails(scenario, rawAgent, 'en'))
    }
  })

  describe('of which these tests leave out nothing', () => {
    it('has every operation succeed and fail', () => {
      const operations = Object.keys(ERROR_EVENTS)
      expect([...new Set(SUCCESSES.map(({ operation }) => operation))]).to.have.members(operations)
      expect([...new Set(FAILURES.map(({ operation }) => operation))]).to.have.members(operations)
    })

    it('has every event, but for those that no request asks for', () => {
      const events = new Set<string>([...SUCCESSES, ...FAILURES].map(({ event }) => event))
      const unasked = [
        'agent_change_pending',
        'agent_command_progress',
        'presence_state',
        'presence_diff',
      ]
      expect([...events, ...unasked]).to.include.members(Object.keys(EVENTS))
    })

    it('has every error code that can occur', () => {
      const codes = new Set<string>(FAILURES.map(({ code }) => code))
      expect([...codes, ...SEEN_ELSEWHERE]).to.have.members(Object.keys(ERROR_CODES))
    })

    it('has the sentences of every code', () => {
      for (const sentences of Object.values(ERROR_MESSAGES)) {
        expect(Object.keys(sentences)).to.have.members(Object.keys(ERROR_CODES))
      }
    })
  })
})

function firstOfEachCode(): readonly Failure[] {
  const codes = new Set(FAILURES.map(({ code }) => code))
  return [...codes].flatMap((code) => FAILURES.find((each) => each.code === code) ?? [])
}
