import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import type { Verifier } from '../../../server/auth/verifier.ts'
import {
  type AgentClient,
  CLIENTS,
  ok,
  type Payload,
  rawAgent,
  refusalOf,
  text,
} from '../../support/agent-client.ts'
import { REPOSITORIES, startAgentServer, stopAgentServers } from '../../support/agent-server.ts'
import { SECRET, token, verifierOf } from '../../support/tokens.ts'
import { change, drafted } from './drafts.ts'
import { type Invoices, onlyInvoice } from './invoices.ts'

const DAY_MS = 86_400_000

/** Where changes may be of, and what one updates there. */
const REPOSITORY_TYPES = [
  { kind: 'the embedded repository', repositoryType: 'services', recordId: 'srv_1' },
  { kind: 'a repository of a module', repositoryType: 'invoices', recordId: 'inv_1' },
]

describe('with FOUR_EYES', () => {
  let now = 0
  let invoices: Invoices

  beforeEach(async () => {
    now = Date.parse('2026-03-01T12:00:00Z')
    invoices = await onlyInvoice({ id: 'inv_1', total: 100 })
  })
  afterEach(stopAgentServers)

  const start = (fourEyes = true) =>
    startAgentServer({ fourEyes, repositories: REPOSITORIES, now: () => now })

  for (const { kind, ...record } of REPOSITORY_TYPES) {
    const draft = async (agent: AgentClient): Promise<string> =>
      text(await drafted(agent, 'update', { ...record, data: { total: 1 } }), 'changeId')

    describe(`a change of ${kind}`, () => {
      for (const { name, connect } of CLIENTS) {
        it(`is not approved by its author, and still by somebody else (${name})`, async () => {
          const server = await start()
          const author = await connect(server)
          const judge = await connect(server, { operatorId: 'judge' })
          const changeId = await draft(author)
          const before = await change(author, changeId)
          const refused = await author.approve(changeId)
          expect(refusalOf(refused)).to.equal('permission_denied')
          expect(await author.event('agent_approval_error')).to.deep.equal(refused.response)
          expect(await change(author, changeId)).to.deep.equal(before)
          expect(invoices.calls).to.deep.equal([])
          const approved = ok(await judge.approve(changeId))['change'] as Payload
          expect(approved).to.include({ author: 'operator456', decidedBy: 'judge' })
          await judge.fence()
          expect(judge.seqs).to.deep.equal([1, 2, 3])
        })
      }

      it('is not approved by its author’s other sockets, nor after a restart', async () => {
        const server = await start()
        const changeId = await draft(await rawAgent(server))
        const other = await rawAgent(server)
        expect(refusalOf(await other.approve(changeId))).to.equal('permission_denied')
        const later = await rawAgent(await server.restart())
        expect(refusalOf(await later.approve(changeId))).to.equal('permission_denied')
      })

      it('is rejected by whoever may reject, its author too', async () => {
        const server = await start()
        const [author, judge] = [
          await rawAgent(server),
          await rawAgent(server, { operatorId: 'b' }),
        ]
        for (const each of [author, judge]) {
          const rejected = ok(await each.reject(await draft(author)))['change']
          expect(rejected).to.deep.include({
            status: 'rejected',
            decidedBy: each.who.operatorId,
          })
        }
      })

      it('is known to be there before its author is looked at, and its state is after', async () => {
        const server = await start()
        const [author, judge] = [
          await rawAgent(server),
          await rawAgent(server, { operatorId: 'b' }),
        ]
        expect(refusalOf(await author.approve('chg_1'))).to.equal('unknown_change')
        const [decided, expired] = [await draft(author), await draft(author)]
        ok(await judge.approve(decided))
        now += DAY_MS
        for (const [changeId, code] of [
          [decided, 'already_decided'],
          [expired, 'change_expired'],
        ]) {
          expect(refusalOf(await author.approve(changeId))).to.equal('permission_denied')
          expect(refusalOf(await judge.approve(changeId))).to.equal(code)
        }
      })

      it('is approved by its author where nothing asks for two', async () => {
        const author = await rawAgent(await start(false))
        ok(await author.approve(await draft(author)))
      })
    })
  }

  it('an operator is who the id says, to the byte', async () => {
    const server = await start()
    const author = await rawAgent(server, { operatorId: 'ș' })
    for (const operatorId of ['s\u0326', 'Ș', 'ș ']) {
      const changeId = text(
        await drafted(author, 'update', { recordId: 'srv_1', data: { operatorId } }),
        'changeId',
      )
      ok(await (await rawAgent(server, { operatorId })).approve(changeId))
    }
  })
})

describe('with FOUR_EYES and tokens', () => {
  let verifier: Verifier
  beforeEach(async () => {
    verifier = await verifierOf({ authSecret: SECRET })
  })
  afterEach(async () => {
    await stopAgentServers()
    verifier.close()
  })

  it('the author is who the token says, whatever the client calls itself', async () => {
    const server = await startAgentServer({ fourEyes: true, verifyToken: verifier.verify })
    const options = (sub: string) => ({ params: { token: token({ sub }) } })
    const author = await rawAgent(server, { operatorId: 'ann' }, options('ann'))
    const judge = await rawAgent(server, { operatorId: 'bob' }, options('bob'))
    const draft = await drafted(author, 'create', { recordId: 'a', data: {} })
    expect(draft['author']).to.equal('ann')
    expect(refusalOf(await author.authenticate({ operatorId: 'bob' }))).to.equal(
      'permission_denied',
    )
    expect(refusalOf(await author.approve(draft['changeId']))).to.equal('permission_denied')
    const approved = ok(await judge.approve(draft['changeId']))['change']
    expect(approved).to.deep.include({ author: 'ann', decidedBy: 'bob' })
  })
})
