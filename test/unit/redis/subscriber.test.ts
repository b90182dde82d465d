import { mock } from 'node:test'
import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { Link } from '../../../server/redis/link.ts'
import type { ChannelListener } from '../../../server/redis/redis.ts'
import { Subscriber } from '../../../server/redis/subscriber.ts'
import { FakeConnection, pass, turn } from './fake-connection.ts'

interface Ear extends ChannelListener {
  readonly heard: string[]
}

function ear(): Ear {
  const heard: string[] = []
  return { heard, message: (data) => heard.push(String(data)), gap: () => heard.push('gap') }
}

describe('the Redis subscriber', () => {
  let connection: FakeConnection
  let subscriber: Subscriber
  let errors: string[]

  function start(slotOf?: (channel: string) => number): void {
    errors = []
    const link = new Link(
      (events) => {
        connection = new FakeConnection(events)
        return connection
      },
      {
        up: () => subscriber.renew(),
        down: () => subscriber.lost(),
        error() {},
        message: (channel, data) => subscriber.deliver(channel, data),
        moved() {},
      },
    )
    const onError = ({ message }: Error) => void errors.push(message)
    subscriber = new Subscriber(link, slotOf ? { slotOf, onError } : { onError })
  }

  /** Answers all that was sent. */
  async function answer(): Promise<void> {
    await turn()
    for (const { answer } of connection.sent.unclaimed.splice(0)) answer()
    await turn()
  }

  /** One who listens to a channel: Redis has confirmed it. */
  async function listening(channel: string): Promise<Ear> {
    const listener = ear()
    void subscriber.subscribe(channel, listener)
    await answer()
    return listener
  }

  function publish(channel: string, data: string): void {
    connection.events.message(Buffer.from(channel), Buffer.from(data))
  }

  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
    start()
  })

  afterEach(() => {
    subscriber.close()
    mock.timers.reset()
  })

  it('asks in one command for what is subscribed to in one turn', async () => {
    connection.events.ready()
    void subscriber.subscribe('a', ear())
    void subscriber.subscribe('b', ear())
    await turn()
    expect(connection.commands).to.deep.equal(['subscribe a b'])
  })

  it('asks for 512 channels at a time', async () => {
    connection.events.ready()
    for (let at = 0; at < 1025; at++) void subscriber.subscribe(`c${at}`, ear())
    await turn()
    const sizes = connection.commands.map((command) => command.split(' ').length - 1)
    expect(sizes).to.deep.equal([512, 512, 1])
  })

  it('asks for channels of different slots apart', async () => {
    start((channel) => channel.length)
    connection.events.ready()
    for (const channel of ['a', 'bb', 'c']) void subscriber.subscribe(channel, ear())
    await turn()
    expect(connection.commands).to.deep.equal(['ssubscribe a c', 'ssubscribe bb'])
  })

  it('lets a subscriber wait until Redis has confirmed, and the next one not at all', async () => {
    connection.events.ready()
    const wait = subscriber.subscribe('a', ear())
    expect(wait).to.be.instanceOf(Promise)
    expect(subscriber.subscribe('a', ear())).to.equal(wait)
    await answer()
    await wait
    expect(subscriber.subscribe('a', ear())).to.equal(undefined)
  })

  it('passes a message to all who listen to its channel, and to no one else', async () => {
    connection.events.ready()
    const [one, two, other] = [ear(), ear(), ear()]
    void subscriber.subscribe('a', one)
    void subscriber.subscribe('a', two)
    void subscriber.subscribe('b', other)
    await answer()
    publish('a', 'hi')
    publish('c', 'nobody')
    expect([one.heard, two.heard, other.heard]).to.deep.equal([['hi'], ['hi'], []])
  })

  it('goes on when a listener throws, and tells', async () => {
    connection.events.ready()
    const broken: ChannelListener = {
      gap() {},
      message() {
        throw new Error('broken')
      },
    }
    void subscriber.subscribe('a', broken)
    const listener = await listening('a')
    publish('a', 'hi')
    expect(listener.heard).to.deep.equal(['hi'])
    expect(errors).to.deep.equal(['broken'])
  })

  it('lets nobody wait longer than a second, and tells of a gap when Redis confirms at last', async () => {
    connection.events.ready()
    const listener = ear()
    const wait = subscriber.subscribe('a', listener)
    await pass(1000)
    await wait
    expect(listener.heard).to.deep.equal([])
    await answer()
    expect(listener.heard).to.deep.equal(['gap'])
  })

  it('passes on nothing of a new connection before it has told of the gap', async () => {
    connection.events.ready()
    const listener = await listening('a')
    subscriber.lost()
    subscriber.renew()
    await turn()
    publish('a', 'too early')
    await answer()
    publish('a', 'hi')
    expect(listener.heard).to.deep.equal(['gap', 'hi'])
  })

  it('lets nobody wait after one waited in vain, until Redis answers again', async () => {
    connection.events.ready()
    void subscriber.subscribe('a', ear())
    await pass(1000)
    const late = ear()
    expect(subscriber.subscribe('b', late)).to.equal(undefined)
    await answer()
    expect(late.heard).to.deep.equal(['gap'])
    expect(subscriber.subscribe('c', ear())).to.be.instanceOf(Promise)
  })

  it('lets who waits go on when the connection is lost, and nobody wait while it is', async () => {
    connection.events.ready()
    const wait = subscriber.subscribe('a', ear())
    connection.events.lost(undefined)
    await wait
    expect(subscriber.up).to.equal(false)
    expect(subscriber.subscribe('b', ear())).to.equal(undefined)
  })

  it('waits for the first connection, too', async () => {
    const listener = ear()
    const wait = subscriber.subscribe('a', listener)
    expect(wait).to.be.instanceOf(Promise)
    connection.events.ready()
    await answer()
    await wait
    expect(listener.heard).to.deep.equal([])
  })

  it('asks for everything on a new connection, and tells of a gap once it is confirmed', async () => {
    connection.events.ready()
    const [one, two] = [await listening('a'), ear()]
    connection.events.lost(undefined)
    void subscriber.subscribe('b', two)
    connection.events.ready()
    await turn()
    expect(connection.commands).to.deep.equal(['subscribe a b'])
    expect([one.heard, two.heard]).to.deep.equal([[], []])
    await answer()
    expect([one.heard, two.heard]).to.deep.equal([['gap'], ['gap']])
    expect(subscriber.subscribe('a', ear())).to.equal(undefined)
  })

  it('unsubscribes a second after the last has left, in one command', async () => {
    connection.events.ready()
    const listener = ear()
    for (const channel of ['a', 'b']) void subscriber.subscribe(channel, listener)
    await answer()
    for (const channel of ['a', 'b']) subscriber.unsubscribe(channel, listener)
    await pass(999)
    expect(connection.commands).to.deep.equal([])
    expect(subscriber.size).to.equal(2)
    await pass(1)
    expect(connection.commands).to.deep.equal(['unsubscribe a b'])
    expect(subscriber.size).to.equal(0)
  })

  it('stays subscribed when somebody comes within that second', async () => {
    connection.events.ready()
    const [first, second] = [await listening('a'), ear()]
    subscriber.unsubscribe('a', first)
    expect(subscriber.subscribe('a', second)).to.equal(undefined)
    await pass(2000)
    expect(connection.commands).to.deep.equal([])
    publish('a', 'hi')
    expect([first.heard, second.heard]).to.deep.equal([[], ['hi']])
  })

  it('subscribes after it has unsubscribed when somebody comes at that very moment', async () => {
    connection.events.ready()
    const listener = await listening('a')
    subscriber.unsubscribe('a', listener)
    mock.timers.tick(1000)
    const wait = subscriber.subscribe('a', listener)
    await turn()
    expect(connection.commands).to.deep.equal(['unsubscribe a', 'subscribe a'])
    await answer()
    await wait
  })

  it('does not ask again for what nobody listens to any more', async () => {
    connection.events.ready()
    const listener = await listening('a')
    subscriber.unsubscribe('a', listener)
    connection.events.lost(undefined)
    connection.events.ready()
    await turn()
    expect(connection.commands.join()).not.to.match(/\bsubscribe a/)
    expect(subscriber.size).to.equal(0)
  })

  it('tells what Redis refuses, and tries again after a second', async () => {
    connection.events.ready()
    const wait = subscriber.subscribe('a', ear())
    await turn()
    const [refused] = connection.sent.unclaimed.splice(0)
    refused?.fail('ReplyError', 'NOPERM no permissions')
    await turn()
    expect(errors).to.deep.equal(['NOPERM no permissions'])
    await pass(1000)
    expect(connection.commands).to.deep.equal(['subscribe a'])
    await answer()
    await wait
    expect(subscriber.subscribe('a', ear())).to.equal(undefined)
  })

  it('asks for everything again, and tells of a gap, when its subscriptions are in doubt', async () => {
    connection.events.ready()
    const listener = await listening('a')
    subscriber.lost()
    subscriber.renew()
    await turn()
    expect(connection.commands).to.deep.equal(['subscribe a'])
    await answer()
    expect(listener.heard).to.deep.equal(['gap'])
  })

  it('gives up channels to another one, with who waits for them', async () => {
    const [first, from] = [subscriber, connection]
    connection.events.ready()
    const [moved, kept] = [ear(), ear()]
    const wait = first.subscribe('moved', moved)
    void first.subscribe('kept', kept)
    start()
    connection.events.ready()
    for (const released of first.release((channel) => channel === 'moved')) {
      subscriber.adopt(released)
    }
    await turn()
    expect(from.commands).to.deep.equal(['unsubscribe moved', 'subscribe kept'])
    expect(connection.commands).to.deep.equal(['subscribe moved'])
    await answer()
    await wait
    publish('moved', 'hi')
    expect(moved.heard).to.deep.equal(['gap', 'hi'])
    first.close()
  })

  it('lets nobody wait for ever when it is closed', async () => {
    const wait = subscriber.subscribe('a', ear())
    subscriber.close()
    await wait
  })
})
