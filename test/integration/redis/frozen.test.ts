import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { RedisUnavailable } from '../../../server/redis/redis.ts'
import { within } from '../../support/deadline.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { startNode, type TestNode } from './node.ts'

const COUNT = { name: 'count', lua: "return redis.call('INCR', KEYS[1])" }

/** Stopped by SIGSTOP: connections stay, and new ones are made, but nothing is answered. */
describe('two nodes whose Redis is frozen', () => {
  let redis: TestRedis
  let one: TestNode
  let two: TestNode

  beforeEach(async () => {
    redis = await startRedis()
    one = startNode(redis.url)
    two = startNode(redis.url)
    await one.redis.command('ping')
  })

  afterEach(async () => {
    redis.resume()
    await Promise.all([one.close(), two.close()])
    await redis.stop()
  })

  it('keep nobody waiting, and hear each other within 5 s of its answering again', async () => {
    const own = await one.hear('room')
    const other = await two.hear('room')
    redis.pause()
    await within(one.hear('new'), 2000, 'a join that goes on without Redis')
    expect(one.pubsub.subscribe('next', () => {})).to.equal(undefined)
    one.say('room', 'frozen')
    expect(own.all).to.deep.equal(['frozen'])
    for (const node of [one, two]) {
      await node.errors.next((error) => error.includes('subscriptions: no answer'))
    }
    expect(one.pubsub.subscribe('later', () => {})).to.equal(undefined)
    expect(await one.dropped.next()).to.equal('redis_publish')

    redis.resume()
    const whole = (async () => {
      await other.next((text) => text === 'gap')
      await own.next((text) => text === 'gap')
      two.say('room', 'whole')
      await own.next((text) => text === 'whole')
      one.say('room', 'whole, too')
      await other.next((text) => text === 'whole, too')
    })()
    await within(whole, 5000, 'nodes that hear each other')
  })

  it('run at most once what was sent, and never what was refused before it was sent', async () => {
    await one.redis.script(COUNT, ['known'], [])
    redis.pause()
    const sent = one.redis.script(COUNT, ['sent'], []).catch((error: unknown) => error)
    await new Promise(setImmediate)
    await new Promise(setImmediate)
    const queued = one.redis.script(COUNT, ['queued'], []).catch((error: unknown) => error)
    expect(await sent).to.be.instanceOf(RedisUnavailable)
    expect(await queued).to.be.instanceOf(RedisUnavailable)
    const late = one.redis.script(COUNT, ['late'], []).catch((error: unknown) => error)
    expect(await late).to.be.instanceOf(RedisUnavailable)

    redis.resume()
    await one.hear('room')
    await two.redis.command('ping')
    expect(await two.redis.command('get', 'sent')).to.be.oneOf(['1', null])
    expect(await two.redis.command('mget', 'queued', 'late')).to.deep.equal([null, null])
  })
})
