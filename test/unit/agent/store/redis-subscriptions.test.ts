import { expect } from 'chai'
import { beforeEach, describe, it } from 'mocha'
import { EPOCH_CHANGED } from '../../../../channels/agent/store/redis-events.ts'
import { RedisSubscriptions } from '../../../../channels/agent/store/redis-subscriptions.ts'
import type { SessionListener } from '../../../../channels/agent/store/store.ts'
import type { ChannelListener, RedisSubscriber } from '../../../../server/index.ts'

/** Redis, by hand: who listens to which channel, and since when that is confirmed. */
class FakeSubscriber implements RedisSubscriber {
  readonly up = true
  readonly listeners = new Map<string, Set<ChannelListener>>()
  confirmation: Promise<void> | undefined

  subscribe(channel: string, listener: ChannelListener): Promise<void> | undefined {
    const listeners = this.listeners.get(channel) ?? new Set()
    this.listeners.set(channel, listeners.add(listener))
    return this.confirmation
  }

  unsubscribe(channel: string, listener: ChannelListener): void {
    this.listeners.get(channel)?.delete(listener)
  }

  count(channel: string): number {
    return this.listeners.get(channel)?.size ?? 0
  }

  tell(channel: string, tell: (listener: ChannelListener) => void): void {
    for (const listener of this.listeners.get(channel) ?? []) tell(listener)
  }

  publish(channel: string, text: string): void {
    this.tell(channel, (listener) => listener.message(Buffer.from(text)))
  }
}

const message = (id: string, epoch = 'epoch') => `${id}\n${epoch}\nhappened\n{"a":1}`
const MESSAGE = message('1-5')
const EVENT = { seq: 1, epoch: 'epoch', event: 'happened', json: '{"seq":1,"a":1}' }

describe('subscriptions to sessions in Redis', () => {
  let redis: FakeSubscriber
  let errors: unknown[]
  let subscriptions: RedisSubscriptions
  let heard: unknown[]
  const listener: SessionListener = {
    event: (event) => heard.push(event),
    gap: () => heard.push('gap'),
  }
  beforeEach(() => {
    redis = new FakeSubscriber()
    errors = []
    heard = []
    subscriptions = new RedisSubscriptions(redis, (error) => errors.push(error))
  })

  it('are one for all who listen, who get one and the same event', () => {
    subscriptions.add('a', listener)
    subscriptions.add('a', listener)
    subscriptions.add('b', listener)
    expect([redis.count('a'), redis.count('b')]).to.deep.equal([1, 1])
    redis.publish('a', MESSAGE)
    expect(heard).to.deep.equal([EVENT, EVENT])
    expect(heard[0]).to.equal(heard[1])
  })

  it('tell everybody of a gap, whoever of them throws', () => {
    const thrown = new Error('a listener that throws')
    const fail = (): never => {
      throw thrown
    }
    subscriptions.add('a', { event: fail, gap: fail })
    subscriptions.add('a', listener)
    redis.tell('a', (each) => each.gap())
    redis.publish('a', MESSAGE)
    expect(heard).to.deep.equal(['gap', EVENT])
    expect(errors).to.deep.equal([thrown, thrown])
  })

  it('tell everybody to read where the epoch is another one now', () => {
    subscriptions.add('a', listener)
    redis.publish('a', EPOCH_CHANGED)
    expect(heard).to.deep.equal(['gap'])
    expect(errors).to.deep.equal([])
  })

  it('know the newest event: from Redis, or heard where no gap came since it was asked', () => {
    const known = () => subscriptions.known('a')
    const at = (seq: number, epoch = 'epoch') => ({ epoch, seq, at: 5 })
    subscriptions.learn('a', at(1))
    expect(known()).to.equal(undefined)

    const { end } = subscriptions.add('a', listener)
    redis.publish('a', MESSAGE)
    expect(known()).to.equal(undefined)
    subscriptions.learn('a', at(3))
    subscriptions.learn('a', at(2))
    redis.publish('a', message('3-6'))
    expect(known()).to.deep.equal(at(3))
    redis.publish('a', message('4-5'))
    expect(known()).to.deep.equal(at(4))
    redis.publish('a', message('5-5', 'another epoch'))
    expect(known()).to.deep.equal(at(4))
    redis.tell('a', (each) => each.gap())
    redis.publish('a', message('5-5'))
    expect(known()).to.deep.equal(at(4))
    subscriptions.learn('a', { epoch: 'epoch', seq: 0, at: 0 })
    expect(known()).to.deep.equal(at(4))
    redis.publish('a', message('6-5'))
    expect(known()).to.deep.equal(at(6))
    subscriptions.learn('a', at(1, 'another epoch'))
    expect(known()).to.deep.equal(at(1, 'another epoch'))

    end()
    subscriptions.add('a', listener)
    expect(known()).to.equal(undefined)
  })

  it('are ready when Redis says so, to everybody', async () => {
    redis.confirmation = Promise.resolve()
    expect(subscriptions.add('a', listener).ready).to.equal(redis.confirmation)
    expect(subscriptions.add('a', listener).ready).to.equal(redis.confirmation)
    redis.confirmation = undefined
    expect(subscriptions.add('a', listener).ready).to.equal(undefined)
  })

  it('end in Redis with the last who listens, and begin again', () => {
    const [one, other] = [subscriptions.add('a', listener), subscriptions.add('a', listener)]
    one.end()
    one.end()
    expect(redis.count('a')).to.equal(1)
    redis.publish('a', MESSAGE)
    other.end()
    expect(redis.count('a')).to.equal(0)
    subscriptions.add('a', listener)
    one.end()
    other.end()
    redis.publish('a', MESSAGE)
    expect(heard).to.deep.equal([EVENT, EVENT])
  })

  it('all end when they are closed, and none begins after that', () => {
    const one = subscriptions.add('a', listener)
    subscriptions.add('b', listener)
    subscriptions.close()
    subscriptions.add('c', listener).end()
    one.end()
    expect(['a', 'b', 'c'].map((name) => redis.count(name))).to.deep.equal([0, 0, 0])
  })
})
