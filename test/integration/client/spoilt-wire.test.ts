import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { type AgentServer, startAgentServer, stopAgentServers } from '../../support/agent-server.ts'
import { listen, openSession } from '../../support/agent-session.ts'

describe('an agent session of the client over a wire that drops and repeats', () => {
  let server: AgentServer

  before(async () => {
    server = await startAgentServer()
  })
  after(stopAgentServers)

  /** phoenix.js's own decoding, but for what `spoil` makes of each message: none, one or several. */
  const over = (spoil: (raw: string) => readonly string[]) =>
    openSession(
      server.url,
      {},
      {
        decode(raw, decoded) {
          for (const each of spoil(raw)) {
            const [join_ref, ref, topic, event, payload] = JSON.parse(each)
            void decoded({ join_ref, ref, topic, event, payload })
          }
        },
      },
    )
  const isNumbered = (raw: string, seq: number) =>
    raw.includes('"agent_query_modified"') && raw.includes(`"seq":${seq},`)

  it('gets an event that was dropped on the way, and those behind it, in order', async () => {
    let dropped = 0
    const { session } = await over((raw) => {
      if (!isNumbered(raw, 2) || dropped > 0) return [raw]
      dropped += 1
      return []
    })
    const modified = listen(session, 'agent_query_modified')
    for (const limit of [1, 2, 3, 4]) await session.modifyQuery('services', { limit })
    await modified.next(({ seq }) => seq === 4)
    expect(modified.all.map(({ seq }) => seq)).to.deep.equal([1, 2, 3, 4])
    expect(dropped).to.equal(1)
  })

  it('delivers an event that came twice once', async () => {
    const { session } = await over((raw) => [raw, raw])
    const modified = listen(session, 'agent_query_modified')
    for (const limit of [1, 2]) await session.modifyQuery('services', { limit })
    await modified.next(({ seq }) => seq === 2)
    expect(modified.all.map(({ seq }) => seq)).to.deep.equal([1, 2])
  })

  it('goes on without an event that never comes, and says so', async () => {
    const { session } = await over((raw) => (isNumbered(raw, 2) ? [] : [raw]))
    const lost = listen(session, 'not_recovered')
    const modified = listen(session, 'agent_query_modified')
    for (const limit of [1, 2, 3]) await session.modifyQuery('services', { limit })
    expect((await lost.next()).lastSeq).to.equal(3)
    await modified.next(({ seq }) => seq === 3)
    expect(modified.all.map(({ seq }) => seq)).to.deep.equal([1, 3])
  })
})
