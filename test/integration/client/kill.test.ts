import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { listen, openSession } from '../../support/agent-session.ts'
import { freePort } from '../../support/free-port.ts'
import { closeSockets } from '../../support/phoenix-client.ts'
import { type ServerProcess, startServer } from '../../support/server-process.ts'

describe('an agent session of the client whose server is killed with -9', function () {
  this.timeout(90_000)
  let directory = ''
  let port = ''
  let server: ServerProcess

  const start = async () => {
    server = await startServer({
      PORT: port,
      DATA_DIR: join(directory, 'data'),
      LOG_LEVEL: 'silent',
    })
  }
  /** Kills it, and starts another one where the clients look for it. */
  const replace = async (between: () => void = () => {}) => {
    await server.kill9()
    between()
    await start()
  }

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'client-kill-'))
    port = String(await freePort())
    await start()
  })

  afterEach(async () => {
    await closeSockets()
    await server.kill9()
    rmSync(directory, { recursive: true })
  })

  it('goes on at the next one, with every event once, in order, and none that is lost', async () => {
    const { session } = await openSession(server.url)
    const modified = listen(session, 'agent_query_modified')
    const { sessionId } = session
    const lost = listen(session, 'not_recovered')
    for (let round = 1; round <= 2; round += 1) {
      await session.modifyQuery('services', { limit: round })
      await replace()
      const { session: other } = await openSession(server.url, { sessionId, operatorId: 'other' })
      await other.modifyQuery('services', { limit: 10 * round })
      await session.modifyQuery('services', { limit: 100 * round })
    }
    await modified.next(({ seq }) => seq === 6)
    expect(modified.all.map(({ seq }) => seq)).to.deep.equal([1, 2, 3, 4, 5, 6])
    expect(modified.all.map(({ modifiedQuery }) => modifiedQuery.limit).sort()).to.deep.equal([
      1, 10, 100, 2, 20, 200,
    ])
    expect(lost.all).to.deep.equal([])
  })

  it('is told where the next one has lost its data, and goes on in the new epoch', async () => {
    const { session } = await openSession(server.url)
    const modified = listen(session, 'agent_query_modified')
    const lost = listen(session, 'not_recovered')
    for (const limit of [1, 2, 3]) await session.modifyQuery('services', { limit })
    await modified.next(({ seq }) => seq === 3)
    const epoch = session.position?.epoch
    await replace(() => rmSync(join(directory, 'data'), { recursive: true }))
    const position = await lost.next()
    expect(position.lastSeq).to.equal(0)
    expect(position.epoch).not.to.equal(epoch)
    await session.modifyQuery('services', { limit: 4 })
    await modified.next(({ modifiedQuery }) => modifiedQuery.limit === 4)
    expect(modified.all.map(({ seq }) => seq)).to.deep.equal([1, 2, 3, 1])
    expect(session.position).to.deep.equal({ epoch: position.epoch, lastSeq: 1 })
  })
})
