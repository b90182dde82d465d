import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { startAgentServer, stopAgentServers } from '../../support/agent-server.ts'
import { connectWire, type WireClient, type WireFrame } from '../../support/wire-client.ts'

/** As the seed has them, once the socket is open: V1 objects, no token, no ref but the join's. */
const JOIN = `{"event":"phx_join","topic":"agent:session123","payload":{"businessId":"business123"},"ref":"1"}`
const AUTHENTICATE = `{"event":"agent_authenticate","topic":"agent:session123","payload":{"sessionId":"session123","payload":{"sessionId":"session123","businessId":"business123","operatorId":"operator456","permissions":["agent_access","data_query","draft_creation"]}}}`
const MODIFY = `{"event":"agent_query_modify","topic":"agent:session123","payload":{"sessionId":"session123","repositoryType":"appointments","modifications":[{"field":"filters","operation":"add","value":{"status":"pending"}}]}}`
const HISTORY = `{"event":"agent_query_history","topic":"agent:session123","payload":{"sessionId":"session123"}}`
const revert = (modificationId: string) =>
  `{"event":"agent_query_revert","topic":"agent:session123","payload":{"sessionId":"session123","modificationId":"${modificationId}"}}`

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const MODIFICATION_ID = /^mod_\d{13}_[\w-]+$/
const QUERY = { repository: 'appointments', fields: [], sort: {}, limit: 100, offset: 0 }
const ORIGINAL = { ...QUERY, filters: {} }
const MODIFIED = { ...QUERY, filters: { status: 'pending' } }

/** Who else is there: not in the seed's examples. */
const isPresence = ({ event }: WireFrame) => String(event).startsWith('presence_')

/** The next frame, whole but for what is different at every run. */
async function next(wire: WireClient) {
  const { raw } = await wire.next((frame) => !isPresence(frame))
  const frame = JSON.parse(String(raw)) as { payload: Record<string, unknown> }
  const { timestamp, epoch, ...payload } = frame.payload
  if (timestamp !== undefined) expect(timestamp).to.match(TIMESTAMP)
  if (epoch !== undefined) expect(epoch).to.match(/^[\w-]{22}$/)
  return { ...frame, payload }
}

describe('the examples of the seed, as they stand there', () => {
  afterEach(stopAgentServers)

  it('authenticate an agent', async () => {
    const server = await startAgentServer()
    const wire = await connectWire(server.url, { vsn: null, path: '/socket/websocket' })
    wire.send(JOIN)
    wire.send(AUTHENTICATE)
    expect(await next(wire)).to.deep.equal({
      topic: 'agent:session123',
      event: 'phx_reply',
      payload: {
        status: 'ok',
        response: {
          sessionId: 'session123',
          businessId: 'business123',
          reconnectJitterMs: 5_000,
        },
      },
      ref: '1',
    })
    expect(await next(wire)).to.deep.equal({
      topic: 'agent:session123',
      event: 'agent_authenticated',
      payload: {
        success: true,
        message: 'Agent autentificat cu succes',
        operatorId: 'operator456',
        seq: 0,
      },
      ref: null,
    })
    expect((await wire.fence()).filter((frame) => !isPresence(frame))).to.deep.equal([])
  })

  it('modify a query, list what was modified, and fail to revert what is not there', async () => {
    const server = await startAgentServer()
    const wire = await connectWire(server.url, { vsn: null })
    const push = (event: string, payload: object) => ({
      topic: 'agent:session123',
      event,
      payload,
      ref: null,
    })
    for (const frame of [JOIN, AUTHENTICATE, MODIFY, HISTORY, revert('mod_1234567890_abc123')]) {
      wire.send(frame)
    }
    await next(wire)
    await next(wire)
    const modified = await next(wire)
    const { modificationId } = modified.payload as { modificationId: string }
    expect(modificationId).to.match(MODIFICATION_ID)
    expect(modified).to.deep.equal(
      push('agent_query_modified', {
        seq: 1,
        success: true,
        message: 'Query modificat cu succes',
        modifiedQuery: MODIFIED,
        modificationId,
        repositoryType: 'appointments',
        operatorId: 'operator456',
      }),
    )
    const listed = await next(wire)
    const [entry] = listed.payload['history'] as [{ timestamp: string }]
    expect(entry.timestamp).to.match(TIMESTAMP)
    expect(listed).to.deep.equal(
      push('agent_query_history', {
        success: true,
        history: [
          {
            originalQuery: ORIGINAL,
            modifications: [{ field: 'filters', operation: 'add', value: { status: 'pending' } }],
            modifiedQuery: MODIFIED,
            modificationId,
            timestamp: entry.timestamp,
            repositoryType: 'appointments',
            status: 'active',
            operatorId: 'operator456',
          },
        ],
        operatorId: 'operator456',
      }),
    )
    expect(await next(wire)).to.deep.equal(
      push('agent_revert_error', {
        success: false,
        code: 'unknown_modification',
        message: 'Modificarea query-ului nu există',
      }),
    )

    wire.send(revert(modificationId))
    expect(await next(wire)).to.deep.equal(
      push('agent_query_reverted', {
        seq: 2,
        success: true,
        originalQuery: ORIGINAL,
        modificationId,
        repositoryType: 'appointments',
        operatorId: 'operator456',
      }),
    )
    expect((await wire.fence()).filter((frame) => !isPresence(frame))).to.deep.equal([])
  })
})
