import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { CLIENTS, ok, type Payload, rawAgent, text } from '../../support/agent-client.ts'
import { numbers } from '../../support/numbers.ts'
import { closeSockets } from '../../support/phoenix-client.ts'
import { type ServerProcess, startServer } from '../../support/server-process.ts'
import { terminateWires } from '../../support/wire-client.ts'
import { change, draftPrice, records } from './drafts.ts'

const ROUNDS = 5

/** The mission’s first promise: what answered `success: true` survives `kill -9` of the node. */
describe('a server that is killed with -9 right after it answered', function () {
  this.timeout(90_000)
  let directory = ''
  let server: ServerProcess

  const start = async () => {
    server = await startServer({
      PORT: '0',
      DATA_DIR: join(directory, 'data'),
      LOG_LEVEL: 'silent',
    })
  }

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'kill-'))
    await start()
  })

  afterEach(async () => {
    terminateWires()
    await closeSockets()
    await server.kill9()
    rmSync(directory, { recursive: true })
  })

  it('has made one draft of a command with a name, however often that is sent again', async () => {
    const draft = { repositoryType: 'services', operation: 'delete', recordId: 'srv_1' }
    const drafted: unknown[] = []
    for (let round = 1; round <= ROUNDS; round += 1) {
      const named = { commandId: `draft-${round}` }
      const before = await rawAgent(server)
      const request = before.nested({ command: 'create_draft', parameters: draft, ...named })
      // Killed somewhere between the claim and the answer.
      before.send('agent_execute_command', request)
      if (round % 2 === 0) ok(await before.execute('create_draft', draft, named))
      await server.kill9()

      await start()
      const after = await rawAgent(server)
      for (let again = 0; again < 2; again += 1) {
        const { result } = ok(await after.execute('create_draft', draft, named))
        drafted.push((result as Payload)['changeId'])
      }
    }
    const { changes } = ok(await (await rawAgent(server)).execute('list_changes'))['result'] as {
      readonly changes: readonly Payload[]
    }
    const made = changes.map(({ changeId }) => changeId)
    expect(made).to.have.lengthOf(ROUNDS)
    expect(drafted).to.deep.equal(made.flatMap((each) => [each, each]))
  })

  for (const { name, connect } of CLIENTS) {
    it(`has the change, the query and the history when it is back, seen by ${name}`, async () => {
      const modifications: string[] = []
      let lastSeq = 0
      let { epoch } = ok(await (await connect(server)).authenticate())
      for (let round = 1; round <= ROUNDS; round += 1) {
        const before = await connect(server)
        const changeId = await draftPrice(before, round)
        const limited = ok(
          await before.queryModify('services', [
            { field: 'limit', operation: 'modify', value: round },
          ]),
        )
        modifications.push(text(limited, 'modificationId'))
        lastSeq = Number(ok(await before.approve(changeId))['seq'])
        await server.kill9()

        await start()
        const after = await connect(server)
        expect(await change(after, changeId)).to.include({ status: 'approved' })
        const found = await records(after)
        expect(Object.keys(found)).to.have.lengthOf(Math.min(round, 3))
        expect(found['srv_1']).to.include({ price: round })
        const history = ok(await after.history())['history'] as readonly Payload[]
        expect(history.map((each) => each['modificationId'])).to.deep.equal(modifications)
        const back = ok(await after.authenticate({ lastSeq: 0, epoch }))
        expect(back).to.include({ recovered: true, seq: lastSeq, epoch })
        await after.received(lastSeq)
        expect(after.seqs).to.deep.equal(numbers(1, lastSeq))
        epoch = back['epoch']
      }
      expect(lastSeq).to.equal(ROUNDS * 4)
    })
  }
})
