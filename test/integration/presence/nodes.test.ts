import { expect } from 'chai'
import { after, afterEach, before, beforeEach, describe, it } from 'mocha'
import { closeSockets } from '../../support/phoenix-client.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { type ServerProcess, startProgram } from '../../support/server-process.ts'
import { changes, enter, type Person, type Seen } from './people.ts'

const LEASE_MS = 2_000

describe('presence on several nodes', () => {
  let redis: TestRedis
  let nodes: ServerProcess[] = []
  let runs = 0
  before(async () => {
    redis = await startRedis()
  })
  after(() => redis.stop())

  let one: ServerProcess
  let two: ServerProcess
  let ann: Person
  let bob: Person
  beforeEach(async () => {
    runs += 1
    nodes = await Promise.all([startNode(), startNode()])
    ;[one, two] = nodes as [ServerProcess, ServerProcess]
    ann = await enter(one.url, { name: 'ann' })
    bob = await enter(two.url, { name: 'bob' })
    await ann.sees('ann', 'bob')
    await bob.sees('ann', 'bob')
  })
  afterEach(async () => {
    await closeSockets()
    await Promise.all(nodes.map((node) => node.kill9()))
  })

  function startNode(): Promise<ServerProcess> {
    const env = { REDIS_URL: redis.url, PREFIX: `run${runs}`, LEASE_MS: String(LEASE_MS) }
    return startProgram(new URL('../../support/presence-node.ts', import.meta.url), env)
  }

  it('who is on a node that is killed leaves when its lease ends, and nobody else (C5.21)', async () => {
    await enter(one.url, { name: 'bob' })
    await bob.until(() => bob.refs().length === 3)
    await one.kill9()
    await bob.sees('bob')
    const left = changes(bob).filter(({ what }) => what === 'leave')
    expect(left.map(({ key }) => key)).to.have.members(['ann', 'bob'])
    expect(left.map(({ isKnown }) => isKnown)).to.have.members([false, true])
  })

  it('who is on a node that is stopped leaves at once (C5.24)', async () => {
    const ended = one.stop()
    await bob.sees('bob')
    expect((await ended).code).to.equal(0)
  })

  it('who is on a node that stood still for too long leaves, and comes back with it (C5.22)', async () => {
    const [{ metas: before }] = changes(bob).filter(({ key }) => key === 'ann') as [Seen]
    process.kill(one.pid, 'SIGSTOP')
    await bob.sees('bob')
    process.kill(one.pid, 'SIGCONT')
    await bob.sees('ann', 'bob')
    const [again] = changes(bob).slice(-1)
    expect(again).to.include({ what: 'join', key: 'ann' })
    expect(again?.metas).to.deep.equal(before)
    expect(changes(ann).filter(({ what }) => what === 'leave')).to.deep.equal([])
    bob.channel.leave()
    await ann.sees('ann')
  })

  it('a client that changes from one node to the other is there all the time', async () => {
    const again = await enter(two.url, { name: 'ann' })
    await bob.until(() => bob.refs().length === 3)
    ann.socket.disconnect()
    const left = await bob.seen.next(({ what }) => what === 'leave')
    expect(left).to.include({ key: 'ann', isKnown: true })
    expect(bob.keys()).to.deep.equal(['ann', 'bob'])
    await again.sees('ann', 'bob')
  })
})
