import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { checkRedis } from '../../../channels/agent/store/redis-check.ts'
import { slotOf } from '../../../server/redis/slot.ts'
import type { Queue } from '../../support/queue.ts'
import { type RedisServers, startRedisCluster, type TestRedis } from '../../support/redis.ts'
import { eventually, startNode, type TestNode } from './node.ts'

const COUNT = { name: 'count', lua: "return redis.call('INCR', KEYS[1])" }

describe('two nodes with a Redis Cluster', () => {
  let cluster: RedisServers
  let one: TestNode
  let two: TestNode

  before(async () => {
    cluster = await startRedisCluster()
    one = startNode(cluster.url)
    two = startNode(cluster.url)
  })

  after(async () => {
    await Promise.all([one?.close(), two?.close()])
    await cluster?.stop()
  })

  /** A topic whose channel is at this master. */
  function topicAt(master: number, of = 'room'): string {
    const third = 16_384 / 3
    for (let at = 0; ; at++) {
      const topic = `${of}:${at}`
      if (Math.floor(slotOf(`test:t:${topic}`) / third) === master) return topic
    }
  }

  async function expectTalk(topic: string, heard: Queue<string>, text: string): Promise<void> {
    one.say(topic, text)
    await heard.next((next) => next === text)
  }

  it('run commands and scripts at the master that has the key', async () => {
    for (let at = 0; at < 20; at++) {
      expect(await one.redis.script(COUNT, [`key:${at}`], [])).to.equal(1)
      expect(await two.redis.command('get', `key:${at}`)).to.equal('1')
    }
  })

  it('do not start where any master throws keys away when it is full', async () => {
    const setPolicy = ({ cli }: TestRedis, policy: string) =>
      cli('config', 'set', 'maxmemory-policy', policy)
    expect(await checkRedis(one.redis)).to.equal(undefined)
    for (const node of cluster.nodes) {
      await setPolicy(node, 'allkeys-lru')
      const refused = await checkRedis(one.redis).catch(String)
      await setPolicy(node, 'noeviction')
      expect(refused).to.equal(
        'Error: REDIS_URL: maxmemory-policy of this Redis is allkeys-lru; it must be noeviction',
      )
    }
  })

  it('subscribe and publish within the shard of a topic', async () => {
    const heard = await two.hear(topicAt(1))
    const channel = `test:t:${topicAt(1)}`
    const counts = cluster.nodes.map((node) => node.cli('pubsub', 'shardnumsub', channel))
    expect((await Promise.all(counts)).map((reply) => reply.split('\n')[1])).to.deep.equal([
      ...['0', '1', '0'],
    ])
    await expectTalk(topicAt(1), heard, 'hi')
  })

  it('lose, with one master, its topics and keys only, and have them back with it', async () => {
    const [master] = cluster.nodes as [TestRedis]
    const there = await two.hear(topicAt(0))
    const elsewhere = await two.hear(topicAt(2))
    await master.kill9()
    await two.errors.next((error) => error.includes(`${master.port}, subscriptions`))
    one.say(topicAt(2), 'first')
    expect(await elsewhere.next()).to.equal('first')
    one.say(topicAt(0), 'lost')
    expect(await one.dropped.next()).to.equal('redis_publish')

    await master.restart({ keepData: true })
    for (const node of cluster.nodes) {
      await eventually(
        () => node.cli('cluster', 'info'),
        (info) => info.includes('cluster_state:ok'),
      )
    }
    expect(await there.next()).to.equal('gap')
    await expectTalk(topicAt(0), there, 'whole')
    expect(elsewhere.all).to.deep.equal(['first'])
  })

  it('follow a slot that goes to another master', async () => {
    const topic = topicAt(0, 'moving')
    const key = `{test:t:${topic}}`
    const heard = await two.hear(topic)
    expect(await one.redis.script(COUNT, [key], [])).to.equal(1)
    await one.redis.command('del', key)
    await move(cluster.nodes, slotOf(key))
    await heard.next((text) => text === 'gap')
    await expectTalk(topic, heard, 'moved')
    expect(await one.redis.script(COUNT, [key], [])).to.equal(1)
    expect(await two.redis.command('get', key)).to.equal('1')
  })

  it('reach a key whose slot is on its way to another master', async () => {
    const key = `{test:t:${topicAt(0, 'between')}}`
    const between = await migrate(cluster.nodes, slotOf(key))
    for (const [count, node] of [one, two, one].entries()) {
      // One that no master knows, then one that they know.
      const script = count < 2 ? { name: 'new', lua: `${COUNT.lua} -- ${count}` } : COUNT
      expect(await node.redis.script(script, [key], [])).to.equal(count + 1)
    }
    expect(await two.redis.command('get', key)).to.equal('3')
    await between.finish()
    expect(await one.redis.script(COUNT, [key], [])).to.equal(4)
  })

  it('keep their order through all of it', async () => {
    const topic = topicAt(1, 'order')
    const heard = await two.hear(topic)
    const texts = Array.from({ length: 1000 }, (_, at) => String(at))
    for (const text of texts) one.say(topic, text)
    await heard.next((text) => text === '999')
    expect(heard.all).to.deep.equal(texts)
  })
})

/** Moves a slot without keys from the first master to the second. */
async function move(nodes: readonly TestRedis[], slot: number): Promise<void> {
  await (await migrate(nodes, slot)).finish()
}

/** The same, as far as keys are at both of them. */
async function migrate(nodes: readonly TestRedis[], slot: number) {
  const [from, to] = nodes as readonly [TestRedis, TestRedis]
  const [fromId, toId] = await Promise.all([from, to].map((node) => node.cli('cluster', 'myid')))
  const set = (node: TestRedis, ...args: readonly (string | undefined)[]): Promise<string> =>
    node.cli('cluster', 'setslot', String(slot), ...args.map(String))
  await set(to, 'importing', fromId)
  await set(from, 'migrating', toId)
  const finish = async (): Promise<void> => {
    for (const node of [to, from]) await set(node, 'node', toId)
    await eventually(
      () => (nodes[2] as TestRedis).cli('cluster', 'slots'),
      (reply) => reply.includes(String(to.port)),
    )
  }
  return { finish }
}
