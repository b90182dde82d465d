import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { eventually, startNode, type TestNode } from './node.ts'

describe('two nodes whose Redis is restarted', () => {
  let redis: TestRedis
  let nodes: TestNode[]

  beforeEach(async () => {
    redis = await startRedis()
    nodes = [startNode(redis.url), startNode(redis.url)]
  })

  afterEach(async () => {
    await Promise.all(nodes.map((node) => node.close()))
    await redis.stop()
  })

  for (const keepData of [true, false]) {
    it(`hear each other again, ${keepData ? 'with' : 'without'} its data, and are told of a gap`, async () => {
      const [one, two] = nodes as [TestNode, TestNode]
      const heard = await two.hear('room')
      one.say('room', 'before')
      expect(await heard.next()).to.equal('before')
      await redis.restart({ keepData })
      expect(await heard.next()).to.equal('gap')
      one.say('room', 'after')
      expect(await heard.next()).to.equal('after')
      expect(heard.all).to.deep.equal(['before', 'gap', 'after'])
      await eventually(
        async () => two.redis.stats.reconnects,
        (connections) => connections === 2,
      )
    })
  }

  it('go on by themselves, drop after 2 s what the other cannot get, and count it', async () => {
    const [one, two] = nodes as [TestNode, TestNode]
    const own = await one.hear('room')
    const other = await two.hear('room')
    await redis.kill9()
    await one.errors.next()
    one.say('room', 'lost')
    expect(own.all).to.deep.equal(['lost'])
    expect(one.redis.stats.publishQueue).to.equal(1)
    expect(await one.dropped.next()).to.equal('redis_publish')
    expect(one.redis.stats.publishQueue).to.equal(0)

    await redis.restart({ keepData: false })
    expect(await other.next()).to.equal('gap')
    one.say('room', 'whole')
    expect(await other.next()).to.equal('whole')
    expect(other.all).to.deep.equal(['gap', 'whole'])
    expect(own.all).to.include.members(['lost', 'whole'])
    expect(one.dropped.all).to.have.length(1)
  })

  it('tell once for each connection why Redis is away', async () => {
    const [one] = nodes as [TestNode]
    await one.hear('room')
    await redis.kill9()
    one.say('room', 'x')
    await one.dropped.next()
    const refused = one.errors.all.filter((error) => error.includes('ECONNREFUSED')).sort()
    expect(refused).to.deep.equal([
      `Redis 127.0.0.1:${redis.port}, commands: connect ECONNREFUSED 127.0.0.1:${redis.port}`,
      `Redis 127.0.0.1:${redis.port}, subscriptions: connect ECONNREFUSED 127.0.0.1:${redis.port}`,
    ])
  })

  it('let nobody wait, and refuse commands, while Redis is away', async () => {
    const [one] = nodes as [TestNode]
    await one.hear('room')
    await redis.kill9()
    await one.errors.next((error) => error.includes('subscriptions'))
    expect(one.redis.subscriber.up).to.equal(false)
    expect(one.pubsub.subscribe('other', () => {})).to.equal(undefined)
    await eventually(
      async () => one.redis.up,
      (up) => !up,
    )
    const error = await one.redis.command('get', 'a').catch((reason: Error) => reason)
    expect(error).to.have.property('name', 'RedisUnavailable')
  })

  it('have all of 2,000 topics back', async () => {
    const [one, two] = nodes as [TestNode, TestNode]
    const topics = Array.from({ length: 2000 }, (_, at) => `room:${at}`)
    const ears = await Promise.all(topics.map((topic) => two.hear(topic)))
    await redis.restart({ keepData: false })
    await Promise.all(ears.map((heard) => heard.next((text) => text === 'gap')))
    for (const topic of topics) one.say(topic, topic)
    await Promise.all(ears.map((heard, at) => heard.next((text) => text === topics[at])))
    expect(ears.flatMap(({ all }) => all)).to.have.length(2 * topics.length)
    expect(one.dropped.all).to.deep.equal([])
  })
})

describe('a node that is started before its Redis', () => {
  it('serves its own subscribers, and hears others when Redis comes', async () => {
    const redis = await startRedis()
    await redis.kill9()
    const nodes = [startNode(redis.url), startNode(redis.url)] as const
    try {
      const [one, two] = nodes
      const heard = await two.hear('room')
      two.say('room', 'own')
      expect(heard.all).to.deep.equal(['own'])
      await redis.restart({ keepData: false })
      expect(await heard.next((text) => text !== 'own')).to.equal('gap')
      one.say('room', 'other')
      expect(await heard.next((text) => text !== 'own')).to.equal('other')
    } finally {
      await Promise.all(nodes.map((node) => node.close()))
      await redis.stop()
    }
  })
})

describe('the channels of topics that nobody subscribes to any more', () => {
  it('are left', async () => {
    const redis = await startRedis()
    const node = startNode(redis.url)
    try {
      const subscriber = (): void => {}
      await node.pubsub.subscribe('room', subscriber)
      const channels = () => redis.cli('pubsub', 'channels')
      expect(await channels()).to.equal('test:t:room')
      node.pubsub.unsubscribe('room', subscriber)
      await eventually(channels, (names) => names === '')
    } finally {
      await node.close()
      await redis.stop()
    }
  })
})
