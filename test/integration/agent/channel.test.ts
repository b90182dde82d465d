import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join as pathOf } from 'node:path'
import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { createApp } from '../../../channels/index.ts'
import type { App } from '../../../server/app.ts'
import { createLocalPubSub } from '../../../server/pubsub/local.ts'
import {
  assertPush,
  assertRefused,
  assertReply,
  close,
  connect,
  join,
  push,
  refutePush,
  settled,
  type TestChannel,
  TestEndpoint,
} from '../../../server/testing/index.ts'
import { nested, type Payload, WHO, type Who } from '../../support/agent-client.ts'

/** Longer than the disk of a busy machine takes. */
const PATIENCE_MS = 10_000

describe('the agent channel, without a network', () => {
  let dataDir = ''
  let app: App
  let endpoint: TestEndpoint
  const errors: unknown[] = []

  beforeEach(async () => {
    dataDir = await mkdtemp(pathOf(tmpdir(), 'agent-'))
    endpoint = new TestEndpoint({ busy: () => app.busy(), patienceMs: PATIENCE_MS })
    const { presence } = endpoint
    const onError = (error: unknown) => errors.push(error)
    app = await createApp({ dataDir, locale: 'en', presence, pubsub: createLocalPubSub(), onError })
  })

  afterEach(async () => {
    await app.close()
    await rm(dataDir, { recursive: true })
    expect(errors).to.deep.equal([])
  })

  const joined = async ({ sessionId, businessId }: Who) =>
    join(await connect(app.socket, {}, { endpoint }), `agent:${sessionId}`, { businessId })

  const authenticate = (agent: TestChannel, who: Who) => {
    const { operatorId, permissions } = who
    return push(agent, 'agent_authenticate', nested(who, { operatorId, permissions }))
  }

  /** An operator who has authenticated, and what happened until then asserted. */
  async function operator(changes: Partial<Who> = {}): Promise<TestChannel> {
    const who = { ...WHO, ...changes }
    const agent = await joined(who)
    await assertReply(authenticate(agent, who), 'ok', { success: true })
    await assertPush(agent, 'agent_authenticated', { operatorId: who.operatorId })
    await assertPush(agent, 'presence_state', (state) =>
      Object.hasOwn(Object(state), who.operatorId),
    )
    await assertPush(agent, 'presence_diff')
    return agent
  }

  const limit = (agent: TestChannel, value: number) =>
    push(agent, 'agent_query_modify', {
      sessionId: WHO.sessionId,
      repositoryType: 'services',
      modifications: [{ field: 'limit', operation: 'modify', value }],
    })

  it('tells every operator of a session what one of them does, in order, and answers that one', async () => {
    const [ann, bob] = [
      await operator({ operatorId: 'ann' }),
      await operator({ operatorId: 'bob' }),
    ]
    const refs = [limit(ann, 5), limit(ann, 6)]
    for (const [at, ref] of refs.entries()) {
      const seq = at + 1
      const answer = await assertReply(ref, 'ok', { seq, modifiedQuery: { limit: 5 + at } })
      for (const each of [ann, bob]) {
        expect(await assertPush(each, 'agent_query_modified')).to.deep.equal(answer)
      }
    }
    await refutePush(bob)
    for (const each of [ann, bob]) await close(each.socket)
  })

  it('takes a modification back once', async () => {
    const agent = await operator()
    const { modificationId } = (await assertReply(limit(agent, 5), 'ok')) as Payload
    const request = { sessionId: WHO.sessionId, modificationId }
    await assertReply(push(agent, 'agent_query_revert', request), 'ok', { modificationId })
    await assertPush(agent, 'agent_query_reverted', { seq: 2, modificationId })
    const again = push(agent, 'agent_query_revert', request)
    await assertReply(again, 'error', { code: 'already_reverted' })
    await assertPush(agent, 'agent_revert_error', { code: 'already_reverted' })
  })

  it('tells nothing to who has not authenticated, nor to another business', async () => {
    const silent = await joined(WHO)
    const other = await operator({ businessId: 'another' })
    await assertReply(limit(silent, 5), 'error', { code: 'not_authenticated' })
    await assertPush(silent, 'agent_query_error', { code: 'not_authenticated' })
    await assertReply(limit(await operator(), 5), 'ok')
    await settled(endpoint)
    for (const each of [silent, other]) await refutePush(each)
  })

  it('refuses what is no request, and lives on', async () => {
    const socket = await connect(app.socket, {}, { endpoint })
    const { businessId } = WHO
    await assertRefused(join(socket, 'agent:a b', { businessId }), { code: 'invalid_payload' })
    await assertRefused(join(socket, 'agent:a', {}), { code: 'invalid_payload' })
    const agent = await operator()
    for (const payload of [null, [], 'text', Uint8Array.of(1), { sessionId: 7 }]) {
      const ref = push(agent, 'agent_query_modify', payload)
      await assertReply(ref, 'error', { code: 'invalid_payload' })
      await assertPush(agent, 'agent_query_error', { code: 'invalid_payload' })
      await assertReply(push(agent, 'constructor', payload), 'error', { code: 'invalid_payload' })
      await assertPush(agent, 'agent_command_error', { code: 'invalid_payload' })
    }
    await assertReply(limit(agent, 5), 'ok')
    await close(agent.socket)
  })
})
