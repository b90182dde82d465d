import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { ask } from '../support/http.ts'
import { readMetrics } from '../support/node-metrics.ts'
import { rejectionMessage } from '../support/rejection.ts'
import { startServer } from '../support/server-process.ts'
import { eventually } from './redis/node.ts'

describe('a node with a Redis', function () {
  this.timeout(60_000)
  let cluster: Cluster
  let url = ''

  before(async () => {
    cluster = await startCluster(1)
    url = cluster.urls()[0] ?? ''
  })

  after(() => cluster.stop())

  const metric = async (name: string) => (await readMetrics(url)).get(name)

  it('tells of it in its metrics', async () => {
    expect(await metric('redis_up')).to.equal(1)
    expect(await metric('redis_subscriptions')).to.be.greaterThan(0)
    expect(await metric('redis_publish_queue')).to.equal(0)
    expect(await metric('redis_reconnects')).to.equal(0)
    await ask(`${url}/readyz?deep=1`)
    expect(await metric('redis_lag_seconds')).to.be.within(0, 5)
  })

  it('tells in its metrics how long messages of other nodes take', async () => {
    expect(await metric('redis_message_lag_seconds_count')).to.equal(0)
    const other = await cluster.start()
    const count = () => metric('redis_message_lag_seconds_count')
    expect(await eventually(count, (heard) => heard !== 0)).to.be.at.least(1)
    expect(await metric('redis_message_lag_seconds_sum')).to.be.within(0, 5)
    await cluster.kill9(other)
  })

  it('is ready without it, but not deeply (contract 3)', async () => {
    const ready = async (query: string) => (await ask(`${url}/readyz${query}`)).status
    expect(await ready('?deep=1')).to.equal(200)
    cluster.redis.pause()
    try {
      expect(await ready('')).to.equal(200)
      expect(await ready('?deep=0')).to.equal(200)
      const { status, body } = await ask(`${url}/readyz?deep=1`)
      expect([status, body]).to.deep.equal([503, '{"status":"redis"}'])
    } finally {
      cluster.redis.resume()
    }
    // The connection comes back by itself; each probe waits for up to 5 s.
    expect([await ready('?deep=1'), await ready('?deep=1')]).to.include(200)
  })

  it('refuses to start where Redis throws away what it should keep, in one line', async () => {
    await cluster.stop()
    cluster = await startCluster(0, { config: { 'maxmemory-policy': 'allkeys-lru' } })
    const started = startServer({
      PORT: '0',
      REDIS_URL: cluster.redis.url,
      LOG_LEVEL: 'silent',
    })
    expect(await rejectionMessage(started)).to.include(
      'REDIS_URL: maxmemory-policy of this Redis is allkeys-lru; it must be noeviction',
    )
  })
})
