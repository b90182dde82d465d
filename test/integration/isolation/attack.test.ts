import { expect } from 'chai'
import { describe, it } from 'mocha'
import {
  type AgentClient,
  nested,
  ok,
  outcome,
  type Reply,
  refusalOf,
} from '../../support/agent-client.ts'
import { replyTo, type WireClient } from '../../support/wire-client.ts'
import { drafted, propose } from '../agent/drafts.ts'
import { RECORD, type Traces } from './owner.ts'
import { nobodys, owned, QUESTIONS } from './questions.ts'
import { besiege } from './siege.ts'
import { TARGETS } from './targets.ts'
import { COLLEAGUE, OWNER, shown } from './tenants.ts'

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

/** Ids that would be another place's, if they were put into a key or a path as they are. */
const hostileIds = ({ pendingId, modificationId }: Traces): readonly string[] => [
  `../../../${part}/session%3A1/changes/${pendingId}`,
  `session/${part}/session:1/changes/${pendingId}`,
  `/session/${part}/session:1/modifications/${modificationId}`,
  `ac:{${part}}/session/session%3A1`,
  `changes ${pendingId}`,
  `${pendingId}\0`,
  `${encodeURIComponent(pendingId)}%00`,
  pendingId.toUpperCase(),
  'customers/../services',
  'records/customers',
  '..%2f..%2f',
  '{}',
  '*',
  '\0',
  '\uffff',
  '__proto__',
  'constructor',
  'x'.repeat(256),
  'ș'.repeat(128),
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
            { businessId: 'nobody' },
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
              return { topic, ref, isOwn: nth === 2 || nth === 4 }
            }),
          )
          const answers: unknown[] = []
          for (const { topic, ref, isOwn } of refs) {
            const { payload } = await wire.next(replyTo(ref))
            const isSession = topic === `agent:${sessionId}`
            const expected = isSession && isOwn ? 'ok' : 'error'
            expect(payload, `${topic} ${ref}`).to.have.property('status', expected)
            answers.push(payload)
          }
          // Somebody's business is refused as nobody's is.
          const theirs = answers.filter((_, at) => at % payloads.length === 0)
          const nobodys = answers.filter((_, at) => at % payloads.length === 1)
          expect(theirs).to.deep.equal(nobodys)
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

    it('climbs out of its own place by no id', async () => {
      const ids = hostileIds(siege.owner.traces)
      await siege.attack(async (ear, url) => {
        const agent = await ear.agent(url)
        for (const id of ids) {
          const replies = [
            await agent.approve(id),
            await agent.reject(id),
            await agent.execute('get_change', { changeId: id }),
            await propose(agent, 'delete', { repositoryType: 'customers', recordId: id }),
            await agent.revert(id),
            await agent.execute('run_query', { repositoryType: id }),
            await agent.modifyQuery(id, { limit: 1 }),
            await propose(agent, 'delete', { repositoryType: id, recordId: RECORD }),
            await agent.execute('list_changes', { after: id }),
            await agent.history({ before: id }),
          ]
          expect(replies.map(outcome), shown(id)).to.deep.equal([
            ...['unknown_change', 'unknown_change', 'unknown_change', 'unknown_record'],
            'unknown_modification',
            ...['unknown_repository', 'unknown_repository', 'unknown_repository'],
            ...['ok', 'ok'],
          ])
          const [changes, { response }] = replies.slice(-2) as [Reply, Reply]
          expect(changes.response['result']).to.deep.equal({ changes: [], next: null })
          expect(response['history']).to.deep.equal([])
        }
      })
    })

    it('is nobody but itself, whoever it says it is', async () => {
      await siege.attack(async (ear, url) => {
        const agent = await ear.agent(url, false)
        const asColleague = await agent.authenticate({ operatorId: COLLEAGUE })
        expect(refusalOf(asColleague)).to.equal('permission_denied')
        expect(await agent.authenticate({ operatorId: 'nobody' })).to.deep.equal(asColleague)
        const disagrees = nested({ ...ear.who, businessId }, { operatorId, permissions })
        for (const payload of [disagrees, { ...disagrees, businessId }]) {
          const reply = await agent.request('agent_authenticate', payload)
          expect(refusalOf(reply)).to.equal('session_mismatch')
        }
        await expectNobody(agent)
        ok(await agent.authenticate())
        expect(ok(await agent.execute('whoami'))['result']).to.deep.include({
          businessId: ear.who.businessId,
          sessionId,
          operatorId: ear.who.operatorId,
        })
        const asOther = await agent.execute('whoami', { businessId, sessionId })
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
          const record = { repositoryType, recordId: RECORD }
          const created = await drafted(agent, 'create', { ...record, data: { number: 1 } })
          ok(await agent.approve(created['changeId']))
          ok(await agent.modifyQuery(repositoryType, { limit: 1 }))
          const removed = await drafted(agent, 'delete', record)
          ok(await agent.approve(removed['changeId']))
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
