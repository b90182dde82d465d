import { expect } from 'chai'
import { describe, it } from 'mocha'
import { type AgentClient, nested, ok, outcome, refusalOf } from '../../support/agent-client.ts'
import { replyTo, type WireClient } from '../../support/wire-client.ts'
import { RECORD } from './owner.ts'
import { nobodys, owned, QUESTIONS } from './questions.ts'
import { besiege } from './siege.ts'
import { TARGETS } from './targets.ts'
import { COLLEAGUE, OWNER } from './tenants.ts'

const { businessId, sessionId, operatorId, permissions } = OWNER
const part = encodeURIComponent(businessId)

/** Names under which the owner's messages go about inside of the server and in Redis, and how they may be bent. */
const TOPICS: readonly string[] = [
  `agent:${businessId}/${sessionId}`,
  `agent:${part}/${encodeURIComponent(sessionId)}`,
  `agent:${encodeURIComponent(sessionId)}`,
  `agent:${sessionId}/`,
  `agent:${sessionId}\0`,
  `agent:${sessionId} `,
  `agent:{${sessionId}}`,
  `agent:../${part}/${sessionId}`,
  'agent:*',
  'agent:',
  'agent',
  'Agent:session:1',
  `agent:${'x'.repeat(129)}`,
  `agent:ѕession:1`,
  `session:${part}/session%3A1`,
  `session:${businessId}/${sessionId}`,
  `operator:${part}/${operatorId}`,
  'phx:lp:',
  `ac:{${part}}/session/session%3A1/events`,
  'ac:presence',
  'phoenix',
  '*',
  '',
  '__proto__',
  'constructor',
  'agent:1\n{"level":"error","msg":"forged"}',
]

/** What only the server says, or nobody. */
const FORGED = [
  'agent_query_modified',
  'agent_changes_approved',
  'presence_state',
  'presence_diff',
  'phx_reply',
  'phx_close',
  'phx_error',
  'disconnect',
  '__proto__',
]

/** The raw frames that answer it, but for what is another in each answer, and for one's own presence. */
async function answerTo(wire: WireClient, ask: () => Promise<unknown>): Promise<string> {
  await wire.fence()
  const from = wire.frames.length
  await ask()
  const frames = await wire.fence().then(() => wire.frames.slice(from))
  return frames
    .filter(({ event }) => !String(event).startsWith('presence_'))
    .map(({ raw }) => String(raw))
    .join('\n')
    .replace(/"ref":"[^"]*"/g, '"ref":…')
    .replace(/"(commandId|timestamp)":"[^"]*"/g, '"$1":…')
}

for (const { name, start } of TARGETS) {
  describe(`a second tenant, ${name},`, function () {
    this.timeout(120_000)
    const siege = besiege(start)

    for (const vsn of ['2.0.0', '1.0.0', '2.0.0+msgpack'] as const) {
      it(`joins nothing of the first one’s, by whatever name (${vsn})`, async () => {
        await siege.attack(async (ear, url) => {
          const wire = await ear.wire(url, vsn)
          const own = ear.who.businessId
          const payloads = [
            { businessId },
            { businessId: own, business_id: businessId, payload: { businessId } },
            { businessId: [own, businessId] },
            JSON.parse(`{"businessId":${JSON.stringify(own)},"__proto__":{"businessId":"a"}}`),
            // What the nodes keep for themselves.
            { businessId: '' },
            null,
          ]
          const refs = [...TOPICS, `agent:${sessionId}`].flatMap((topic, at) =>
            payloads.map((payload, nth) => {
              const ref = `${at}-${nth}`
              wire.push({ topic, event: 'phx_join', payload, ref, joinRef: ref })
              return { topic, ref, isOwn: nth === 1 || nth === 3 }
            }),
          )
          for (const { topic, ref, isOwn } of refs) {
            const { payload } = await wire.next(replyTo(ref))
            const isSession = topic === `agent:${sessionId}`
            const expected = isSession && isOwn ? 'ok' : 'error'
            expect(payload, `${topic} ${ref}`).to.have.property('status', expected)
          }
          await wire.fence()
        })
      })
    }

    it('is answered the same, to the byte, whether the first one has it or nobody', async () => {
      const names = owned(siege.owner.traces)
      await siege.attack(async (ear, url) => {
        const wire = await ear.wire(url, null)
        const agent = await ear.agentOn(wire)
        for (const { what, answer, ask } of QUESTIONS) {
          const there = await answerTo(wire, async () => {
            expect(outcome(await ask(agent, names)), what).to.equal(answer)
          })
          const nowhere = await answerTo(wire, () => ask(agent, nobodys(names)))
          expect(there, what).to.equal(nowhere)
        }
        const history = ok(await agent.history())['history']
        const changes = ok(await agent.execute('list_changes'))['result']
        expect({ history, changes }).to.deep.equal({
          history: [],
          changes: { changes: [], next: null },
        })
        expect(agent.seqs).to.deep.equal([])
      })
    })

    it('is nobody but itself, whoever it says it is', async () => {
      await siege.attack(async (ear, url) => {
        const agent = await ear.agent(url, false)
        const other = { operatorId: COLLEAGUE }
        expect(refusalOf(await agent.authenticate(other))).to.equal('permission_denied')
        const disagrees = nested({ ...ear.who, businessId }, { operatorId, permissions })
        for (const payload of [disagrees, { ...disagrees, businessId }]) {
          const reply = await agent.request('agent_authenticate', payload)
          expect(refusalOf(reply)).to.equal('session_mismatch')
        }
        await expectNobody(agent)
        ok(await agent.authenticate())
        const [{ result }, asOther] = [
          ok(await agent.execute('whoami')),
          await agent.execute('whoami', { businessId, sessionId }),
        ]
        const { businessId: own, operatorId: itself } = ear.who
        expect(result).to.deep.include({ businessId: own, sessionId, operatorId: itself })
        expect(refusalOf(asOther)).to.equal('invalid_payload')
      })
    })

    it('says nothing on the first one’s session, as whatever it is disguised', async () => {
      await siege.attack(async (ear, url) => {
        const wire = await ear.wire(url)
        const agent = await ear.agentOn(wire)
        const payload = { businessId, sessionId, seq: 99, joins: { mallory: { metas: [{}] } } }
        for (const topic of [`agent:${sessionId}`, ...TOPICS]) {
          for (const event of FORGED) wire.push({ topic, event, payload })
        }
        await wire.fence()
        await agent.fence()
        wire.push({ topic: `agent:${sessionId}`, event: 'phx_leave', ref: 'leave' })
        await wire.next(replyTo('leave'))
      })
    })

    it('hears nothing of what goes on meanwhile, authenticated or not', async () => {
      const agents: AgentClient[] = []
      await siege.attack(async (ear, url) => {
        agents.push(await ear.agent(url), await ear.agent(url, false))
      })
      await siege.owns(() => siege.owner.act())
      for (const agent of agents) {
        await agent.fence()
        expect(agent.seqs).to.deep.equal([])
      }
    })

    it('keeps to itself what it does under the first one’s names', async () => {
      await siege.attack(async (ear, url) => {
        const agent = await ear.agent(url)
        for (const repositoryType of ['customers', 'invoices']) {
          const create = {
            repositoryType,
            operation: 'create',
            recordId: RECORD,
            data: { number: 1 },
          }
          const drafted = ok(await agent.execute('create_draft', create))['result']
          // Another node's is known by then: there, it is there already.
          ok(await agent.approve((drafted as { changeId: unknown }).changeId))
          ok(await agent.modifyQuery(repositoryType, { limit: 1 }))
          const remove = { repositoryType, operation: 'delete', recordId: RECORD }
          const removal = ok(await agent.execute('create_draft', remove))['result']
          ok(await agent.approve((removal as { changeId: unknown }).changeId))
        }
      })
    })
  })
}

async function expectNobody(agent: AgentClient): Promise<void> {
  const answers = [
    await agent.execute('list_changes'),
    await agent.history(),
    await agent.approve('chg_1'),
  ]
  expect(answers.map(refusalOf)).to.deep.equal(Array(3).fill('not_authenticated'))
}
