import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import type { Operation } from '../../../channels/agent/contract.ts'
import { type AgentClient, ok, rawAgent, refusalOf } from '../../support/agent-client.ts'
import {
  type AgentServer,
  COMMANDS,
  REPOSITORIES,
  startAgentServer,
  stopAgentServers,
} from '../../support/agent-server.ts'
import { draft } from './successes.ts'

const DAY_MS = 86_400_000

/** One thing wrong with a request or with who sends it. */
interface Flaw {
  readonly title: string
  readonly code: string
  /** Members of the (nested) payload. */
  readonly members?: object
  /** Members of the payload itself. */
  readonly outer?: object
  /** What the sender may do; null: it is not authenticated. */
  readonly permissions?: readonly string[] | null
  /** Brings about a state, and tells the members that name it. */
  state?(owner: AgentClient): Promise<object>
}

interface Checked {
  readonly operation: Operation
  readonly isFlat?: boolean
  /** Members of a request whose only flaw is that an id in it may name nothing. */
  readonly members: object
  /** In the order in which they are looked for. */
  readonly flaws: readonly Flaw[]
}

const mismatch: Flaw = {
  title: 'another session',
  code: 'session_mismatch',
  outer: { sessionId: 'session456' },
}
const foreign: Flaw = {
  title: 'another business',
  code: 'session_mismatch',
  members: { businessId: 'business456' },
}
const nobody: Flaw = {
  title: 'no authentication',
  code: 'not_authenticated',
  permissions: null,
}
const powerless: Flaw = {
  title: 'no right to the operation',
  code: 'permission_denied',
  permissions: ['session.open'],
}
const malformed = (members: object): Flaw => ({
  title: `the malformed ${Object.keys(members)}`,
  code: 'invalid_payload',
  members,
})
const unknown = (code: string, members: object): Flaw => ({
  title: `the unknown ${Object.keys(members)}`,
  code,
  members,
})

const decisionFlaws = [
  malformed({ changeId: '' }),
  mismatch,
  foreign,
  nobody,
  powerless,
  unknown('unknown_change', { changeId: 'chg_1' }),
  {
    title: 'a change that is decided',
    code: 'already_decided',
    async state(owner: AgentClient) {
      const changeId = await draft(owner)
      ok(await owner.reject(changeId))
      return { changeId }
    },
  },
]

const undeclared = { title: 'an undeclared field', code: 'invalid_payload' }

const CHECKED: readonly Checked[] = [
  {
    operation: 'agent_authenticate',
    members: { operatorId: 'operator456', permissions: ['agent_access'] },
    flaws: [
      malformed({ lastSeq: 3 }),
      malformed({ permissions: ['agent_access', 'root'] }),
      mismatch,
      foreign,
      {
        title: 'no right to open a session',
        code: 'permission_denied',
        members: { permissions: ['data_query'] },
      },
    ],
  },
  {
    operation: 'agent_execute_command',
    members: { command: 'guarded', parameters: {} },
    flaws: [
      malformed({ command: '' }),
      malformed({ parameters: 'none' }),
      mismatch,
      foreign,
      nobody,
      powerless,
      unknown('unknown_command', { command: 'unheard_of' }),
      {
        title: 'no right that the command declares',
        code: 'permission_denied',
        permissions: ['agent_access', 'data_query'],
      },
      {
        title: 'a parameter of the wrong type',
        code: 'invalid_payload',
        members: { parameters: { size: 'large' } },
      },
      {
        title: 'the name of another command',
        code: 'invalid_payload',
        async state(owner) {
          ok(await owner.execute('list_commands', {}, { commandId: 'taken' }))
          return { commandId: 'taken' }
        },
      },
    ],
  },
  {
    operation: 'agent_cancel_command',
    members: { commandId: 'none' },
    flaws: [
      malformed({ commandId: '' }),
      mismatch,
      foreign,
      nobody,
      powerless,
      unknown('unknown_command', { commandId: 'another' }),
    ],
  },
  {
    operation: 'agent_modify_query',
    members: { repositoryType: 'invoices', modifications: { limit: 5 } },
    flaws: [
      malformed({ repositoryType: '' }),
      malformed({ modifications: {} }),
      mismatch,
      foreign,
      nobody,
      powerless,
      unknown('unknown_repository', { repositoryType: 'unheard_of' }),
      { ...undeclared, members: { modifications: { fields: ['secret'] } } },
    ],
  },
  {
    operation: 'agent_query_modify',
    isFlat: true,
    members: {
      repositoryType: 'invoices',
      modifications: [{ field: 'total', operation: 'filter', value: 5 }],
    },
    flaws: [
      malformed({ repositoryType: 5 }),
      malformed({ modifications: [{ field: 'total', operation: 'filter', condition: 'like' }] }),
      mismatch,
      nobody,
      powerless,
      unknown('unknown_repository', { repositoryType: 'unheard_of' }),
      {
        ...undeclared,
        members: { modifications: [{ field: 'secret', operation: 'filter', value: 5 }] },
      },
    ],
  },
  { operation: 'agent_approve_changes', members: { changeId: 'chg_0' }, flaws: decisionFlaws },
  {
    operation: 'agent_reject_changes',
    members: { changeId: 'chg_0', reason: 'no' },
    flaws: [malformed({ reason: '' }), ...decisionFlaws],
  },
  {
    operation: 'agent_query_revert',
    isFlat: true,
    members: { modificationId: 'mod_0' },
    flaws: [
      malformed({ modificationId: ['mod_1'] }),
      mismatch,
      nobody,
      powerless,
      unknown('unknown_modification', { modificationId: 'mod_1_x' }),
      {
        title: 'a modification that is reverted',
        code: 'already_reverted',
        async state(owner) {
          const { modificationId } = ok(await owner.modifyQuery('services', { limit: 1 }))
          ok(await owner.revert(modificationId))
          return { modificationId }
        },
      },
    ],
  },
  {
    operation: 'agent_query_history',
    isFlat: true,
    members: {},
    flaws: [malformed({ limit: 201 }), mismatch, nobody, powerless],
  },
]

/** Whether a request can have both: they must not be the same member, nor the same sender. */
function canMeet(a: Flaw, b: Flaw): boolean {
  const keys = (flaw: Flaw) => Object.keys({ ...flaw.members, ...flaw.outer })
  const isSameSender = a.permissions !== undefined && b.permissions !== undefined
  const state = a.state ?? b.state
  const names = state ? ['changeId', 'modificationId', 'commandId'] : []
  return !isSameSender && !keys(a).some((key) => [...keys(b), ...names].includes(key))
}

const pairs = (flaws: readonly Flaw[]) =>
  flaws.flatMap((first, index) =>
    flaws
      .slice(index + 1)
      .filter((second) => canMeet(first, second))
      .map((second) => ({ first, second })),
  )

describe('the checks of a request', () => {
  let server: AgentServer
  let sessions = 0

  before(async () => {
    server = await startAgentServer({
      commands: COMMANDS,
      repositories: REPOSITORIES,
    })
  })
  after(stopAgentServers)

  /** What a request with these flaws is answered. */
  async function answer(checked: Checked, flaws: readonly Flaw[]): Promise<unknown> {
    sessions += 1
    const who = { sessionId: `s${sessions}` }
    const owner = await rawAgent(server, who)
    const states = await Promise.all(flaws.map((flaw) => flaw.state?.(owner)))
    const permissions = flaws.find((flaw) => flaw.permissions !== undefined)?.permissions
    const isKnown = permissions !== null && checked.operation !== 'agent_authenticate'
    const sender = await rawAgent(
      server,
      { ...who, ...(permissions && { permissions }) },
      { authenticated: isKnown },
    )
    const found = flaws.map((flaw) => flaw.members)
    const members = Object.assign({}, checked.members, ...states, ...found)
    const { sessionId } = who
    const whole = checked.isFlat ? { sessionId, ...members } : sender.nested(members)
    const outer = flaws.map((flaw) => flaw.outer)
    const reply = await sender.request(checked.operation, Object.assign({}, whole, ...outer))
    owner.cut()
    sender.cut()
    return refusalOf(reply)
  }

  for (const checked of CHECKED) {
    describe(`${checked.operation} answers`, () => {
      for (const flaw of checked.flaws) {
        it(`${flaw.code} to ${flaw.title}`, async () => {
          expect(await answer(checked, [flaw])).to.equal(flaw.code)
        })
      }
      for (const { first, second } of pairs(checked.flaws)) {
        it(`${first.title} before ${second.title}`, async () => {
          expect(await answer(checked, [first, second])).to.equal(first.code)
        })
      }
    })
  }
})

describe('the state of a change', () => {
  after(stopAgentServers)

  let now = Date.parse('2026-03-01T12:00:00Z')
  const setUp = async () => rawAgent(await startAgentServer({ now: () => now }))

  it('is decided before it is expired', async () => {
    const agent = await setUp()
    const approved = await draft(agent)
    ok(await agent.approve(approved))
    now += DAY_MS
    expect(refusalOf(await agent.approve(approved))).to.equal('already_decided')
    expect(refusalOf(await agent.reject(approved))).to.equal('already_decided')
  })

  it('is decided before it is in conflict', async () => {
    const agent = await setUp()
    const [rejected, approved] = [await draft(agent), await draft(agent)]
    ok(await agent.reject(rejected))
    ok(await agent.approve(approved))
    expect(refusalOf(await agent.approve(rejected))).to.equal('already_decided')
  })

  it('is expired before it is in conflict', async () => {
    const agent = await setUp()
    const [stale, approved] = [await draft(agent), await draft(agent)]
    ok(await agent.approve(approved))
    now += DAY_MS
    expect(refusalOf(await agent.approve(stale))).to.equal('change_expired')
    expect(refusalOf(await agent.reject(stale))).to.equal('change_expired')
  })
})
