/** What a network does to the connections of a node: nothing of it is told by an error. */
import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { RedisUnavailable } from '../../../server/redis/redis.ts'
import { within } from '../../support/deadline.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'
import { startNode, type TestNode } from './node.ts'

const COUNT = { name: 'count', lua: "return redis.call('INCR', KEYS[1])" }

describe('a node on a bad wire to Redis', () => {
  let redis: TestRedis
  let wire: TcpProxy
  let near: TestNode
  let far: TestNode

  beforeEach(async () => {
    redis = await startRedis()
    wire = await startTcpProxy(redis.port)
    near = startNode(redis.url)
    far = startNode(`redis://127.0.0.1:${wire.port}`)
  })

  afterEach(async () => {
    await Promise.all([near.close(), far.close()])
    await wire.stop()
    await redis.stop()
  })

  it('notices half-open connections, and hears the others again within 5 s', async () => {
    const heard = await far.hear('room')
    wire.freeze()
    near.say('room', 'lost')
    await within(heard.next(), 5000, 'a gap')
    near.say('room', 'whole')
    expect(await heard.next()).to.equal('whole')
    expect(heard.all).to.deep.equal(['gap', 'whole'])
    expect(far.errors.all.join()).to.match(/subscriptions: no answer within 2000 ms/)
  })

  it('does not run a script twice whose answer was lost', async () => {
    expect(await far.redis.script(COUNT, ['n'], [])).to.equal(1)
    wire.loseAnswers()
    const error = await far.redis.script(COUNT, ['n'], []).catch((reason: unknown) => reason)
    expect(error).to.be.instanceOf(RedisUnavailable)
    await far.errors.next((told) => told.includes('commands: no answer'))
    await far.hear('room')
    expect(await redis.cli('get', 'n')).to.equal('2')
  })

  it('publishes what was published while the connection was away for less than 2 s', async () => {
    const heard = await near.hear('room')
    await far.hear('room')
    wire.cut()
    await far.errors.next()
    for (const text of ['1', '2', '3']) far.say('room', text)
    wire.restore()
    for (const text of ['1', '2', '3']) expect(await heard.next()).to.equal(text)
    expect(far.dropped.all).to.deep.equal([])
  })

  it('does not publish twice what was on its way when the connection was cut', async () => {
    const heard = await near.hear('room')
    await far.hear('room')
    wire.loseAnswers()
    far.say('room', 'once')
    expect(await heard.next()).to.equal('once')
    wire.cut()
    wire.restore()
    expect(await far.dropped.next()).to.equal('redis_publish')
    far.say('room', 'next')
    expect(await heard.next()).to.equal('next')
    expect(heard.all).to.deep.equal(['once', 'next'])
  })
})
