import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { connectRedis } from '../../../server/redis/connect.ts'
import { type Redis, RedisUnavailable } from '../../../server/redis/redis.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'

const EVERY_BYTE = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))

describe('commands to Redis', () => {
  let server: TestRedis
  let redis: Redis

  before(async () => {
    server = await startRedis()
    redis = connectRedis({ url: server.url, onError() {} })
  })

  after(async () => {
    await redis?.close()
    await server?.stop()
  })

  it('wait for the first connection', async () => {
    const fresh = connectRedis({ url: server.url, onError() {} })
    expect(fresh.up).to.equal(false)
    expect(await fresh.command('ping')).to.equal('PONG')
    expect(fresh.up).to.equal(true)
    await fresh.close()
  })

  it('are answered in numbers, strings, null and lists, as Redis has them', async () => {
    const lua = "return {1, 'text', false, {2, {'ünïcode ☃'}}, redis.call('ping')}"
    const reply = await redis.script({ name: 'shapes', lua }, [], [])
    expect(reply).to.deep.equal([1, 'text', null, [2, ['ünïcode ☃']], 'PONG'])
    await redis.command('hset', 'hash', 'field', 1)
    expect(await redis.command('hgetall', 'hash')).to.deep.equal(['field', '1'])
  })

  it('take keys and arguments as they are, every byte of them', async () => {
    const lua = 'return {KEYS[1], ARGV[1], string.len(ARGV[2]), string.byte(ARGV[2], 256)}'
    const reply = await redis.script({ name: 'bytes', lua }, ['key ☃'], [1.5, EVERY_BYTE])
    expect(reply).to.deep.equal(['key ☃', '1.5', 256, 255])
  })

  it('are run in the order in which they were given', async () => {
    const lua = "redis.call('RPUSH', KEYS[1], ARGV[1])"
    const push = { name: 'push', lua }
    const order = Array.from({ length: 500 }, (_, at) => String(at))
    await Promise.all(order.map((at) => redis.script(push, ['list'], [at])))
    expect(await redis.command('lrange', 'list', 0, -1)).to.deep.equal(order)
  })

  it('run a script that Redis has forgotten, once', async () => {
    const count = { name: 'count', lua: "return redis.call('INCR', KEYS[1])" }
    expect(await redis.script(count, ['n'], [])).to.equal(1)
    await server.cli('script', 'flush')
    expect(await redis.script(count, ['n'], [])).to.equal(2)
  })

  it('reject with what the script raises, and not with what it was given', async () => {
    const script = { name: 'raise', lua: "return redis.error_reply('ERR so it is')" }
    const error = await redis.script(script, ['k'], ['secret']).catch((reason: unknown) => reason)
    expect(error).to.be.instanceOf(Error).and.not.instanceOf(RedisUnavailable)
    expect(error).to.have.property('message', 'ERR so it is')
    expect(JSON.stringify({ ...(error as Error) })).not.to.include('secret')
  })

  it('are answered before the connection is closed, and unavailable from then on', async () => {
    const fresh = connectRedis({ url: server.url, onError() {} })
    await fresh.command('ping')
    const answer = fresh.command('set', 'last', 'word')
    const published = fresh.publish('channel', EVERY_BYTE)
    await fresh.close()
    expect(await answer).to.equal('OK')
    await published
    const error = await fresh.command('ping').catch((reason: unknown) => reason)
    expect(error).to.be.instanceOf(RedisUnavailable)
  })
})
