import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import {
  type AgentClient,
  ok,
  type Payload,
  rawAgent,
  refusalOf,
} from '../../support/agent-client.ts'
import { COMMANDS } from '../../support/agent-server.ts'
import { type Cluster, startCluster } from '../../support/cluster.ts'

/** A node that was killed is believed to live for as long as its lease; the machine may be busy. */
const MOURNED_MS = 40_000

describe('a command that its client has named, on two nodes', function () {
  this.timeout(90_000)
  let cluster: Cluster
  let ann: AgentClient
  let bob: AgentClient

  before(async () => {
    cluster = await startCluster(2, {}, { COMMANDS })
    ;[ann, bob] = (await Promise.all(cluster.nodes.map((node) => rawAgent(node)))) as [
      AgentClient,
      AgentClient,
    ]
  })
  after(() => cluster.stop())

  const send = (client: AgentClient, command: string, parameters: object, commandId: string) =>
    client.send('agent_execute_command', client.nested({ command, parameters, commandId }))

  it('is answered on the other one with its outcome, and runs once', async () => {
    const counted = { name: 'answered' }
    const first = await ann.execute('count', counted, { commandId: 'answered' })
    expect(ok(first)).to.include({ result: 1 })
    expect(await bob.execute('count', counted, { commandId: 'answered' })).to.deep.equal(first)
    expect(refusalOf(await bob.execute('count', {}, { commandId: 'answered' }))).to.equal(
      'invalid_payload',
    )
    expect(ok(await bob.execute('count', counted))['result']).to.equal(1)
  })

  it('is waited for on the other one while it runs', async () => {
    const counted = { name: 'waiting', gate: 'waiting' }
    const first = send(ann, 'count', counted, 'waiting')
    await ann.execute('list_commands')
    const second = send(bob, 'count', counted, 'waiting')
    await bob.execute('list_commands')
    ok(await ann.execute('open', { name: 'waiting' }))
    const answer = ok(await ann.reply(first))
    expect(ok(await bob.reply(second))).to.deep.equal(answer)
  })

  it('is cancelled from the other one', async () => {
    const ref = send(ann, 'pass', { name: 'never' }, 'cancelled')
    await ann.execute('list_commands')
    expect(ok(await bob.cancel('cancelled'))).to.include({ command: 'pass' })
    expect(refusalOf(await ann.reply(ref))).to.equal('command_cancelled')
    expect(
      refusalOf(await bob.execute('pass', { name: 'never' }, { commandId: 'cancelled' })),
    ).to.equal('command_cancelled')
    expect(refusalOf(await bob.cancel('cancelled'))).to.equal('unknown_command')
  })

  it('makes one draft, sent to both at once', async () => {
    const draft = { repositoryType: 'services', operation: 'delete', recordId: 'srv_1' }
    const refs = [ann, bob, ann, bob].map((client) => ({
      client,
      ref: send(client, 'create_draft', draft, 'both'),
    }))
    const answers = await Promise.all(refs.map(({ client, ref }) => client.reply(ref)))
    const ids = new Set(answers.map((each) => (ok(each)['result'] as Payload)['changeId']))
    expect(ids.size).to.equal(1)
    const { changes } = ok(await bob.execute('list_changes'))['result'] as Payload
    expect(changes).to.have.lengthOf(1)
  })

  it('whose node is killed with -9 has an unknown outcome, or runs again where it is atomic', async () => {
    const counted = { name: 'killed', gate: 'killed' }
    send(ann, 'pass', { name: 'never' }, 'lost')
    send(ann, 'count_again', counted, 'again')
    await ann.execute('list_commands')
    const lost = send(bob, 'pass', { name: 'never' }, 'lost')
    const again = send(bob, 'count_again', counted, 'again')
    await bob.execute('open', { name: 'killed' })
    const [node] = cluster.nodes
    if (node) await cluster.kill9(node)
    expect(refusalOf(await bob.reply(lost, MOURNED_MS))).to.equal('unavailable')
    const answer = await bob.reply(again, MOURNED_MS)
    expect(ok(answer)).to.include({ result: 1, commandId: 'again' })
    expect(await bob.execute('count_again', counted, { commandId: 'again' })).to.deep.equal(answer)
    expect(refusalOf(await bob.cancel('lost'))).to.equal('unknown_command')
  })
})
