import { mock } from 'node:test'
import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { Link } from '../../../server/redis/link.ts'
import { RedisUnavailable } from '../../../server/redis/redis.ts'
import { FakeConnection, pass, turn } from './fake-connection.ts'

describe('a link to Redis', () => {
  let connection: FakeConnection
  let link: Link
  let told: string[]

  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
    told = []
    link = new Link(
      (events) => {
        connection = new FakeConnection(events)
        return connection
      },
      {
        up: () => void told.push('up'),
        down: () => void told.push('down'),
        error: ({ message }) => void told.push(message),
        message() {},
        moved() {},
      },
    )
  })

  afterEach(async () => {
    for (const { answer } of connection.sent.unclaimed.splice(0)) answer()
    await link.close()
    mock.timers.reset()
  })

  /** What a command comes to: its answer, or its error's class and message. */
  function outcome(command: Promise<unknown>): Promise<unknown> {
    return command.catch((error: Error) => `${error.constructor.name}: ${error.message}`)
  }

  it('passes on what is answered', async () => {
    connection.events.ready()
    const answer = link.call('get', ['a'])
    const sent = await connection.sent.next()
    expect(sent.command).to.equal('get a')
    sent.answer('b')
    expect(await answer).to.equal('b')
  })

  it('lets commands wait for the first connection, and sends them in order', async () => {
    void outcome(link.call('set', ['a', 1]))
    void outcome(link.call('set', ['a', 2]))
    await turn()
    expect(connection.commands).to.deep.equal([])
    connection.events.ready()
    await turn()
    expect(connection.commands).to.deep.equal(['set a 1', 'set a 2'])
  })

  it('lets them wait no longer than it takes that to fail, nor than two seconds', async () => {
    const refused = outcome(link.call('get', ['a']))
    connection.events.lost(new Error('connect ECONNREFUSED'))
    expect(await refused).to.equal('RedisUnavailable: no connection to Redis')
    expect(told).to.deep.equal(['down', 'connect ECONNREFUSED'])
  })

  it('is down when two seconds brought no connection, and up when it comes later', async () => {
    const late = outcome(link.call('get', ['a']))
    await pass(2000)
    expect(await late).to.equal('RedisUnavailable: no connection to Redis')
    connection.events.ready()
    expect(told).to.deep.equal(['down', 'no connection yet', 'up'])
    expect(link.isUp).to.equal(true)
  })

  it('sends nothing while it is down', async () => {
    connection.events.ready()
    connection.events.lost(undefined)
    expect(await outcome(link.call('get', ['a']))).to.match(/^RedisUnavailable/)
    expect(connection.commands).to.deep.equal([])
  })

  it('takes a connection that does not answer within two seconds for dead', async () => {
    connection.events.ready()
    const answer = outcome(link.call('get', ['a']))
    await pass(1999)
    expect(connection.resets).to.equal(0)
    await pass(1)
    expect(await answer).to.equal('RedisUnavailable: no answer within 2000 ms')
    expect(connection.resets).to.equal(1)
    expect(link.isDown).to.equal(true)
  })

  it('notices within four seconds that a connection nobody uses is dead', async () => {
    connection.events.ready()
    for (let half = 0; half < 8; half++) await pass(500)
    expect(connection.sent.all.map(({ command }) => command)).to.include('ping')
    expect(connection.resets).to.equal(1)
  })

  it('leaves a connection that answers its PINGs alone', async () => {
    connection.events.ready()
    for (let half = 0; half < 40; half++) {
      await pass(500)
      for (const { answer } of connection.sent.unclaimed.splice(0)) answer('PONG')
      await turn()
    }
    expect(connection.resets).to.equal(0)
    expect(told).to.deep.equal(['up'])
  })

  it('tells each reason why it is down once, until it was up again', async () => {
    const refused = new Error('connect ECONNREFUSED')
    connection.events.ready()
    connection.events.lost(undefined)
    for (const reason of [refused, refused, new Error('WRONGPASS'), refused]) {
      connection.events.lost(reason)
    }
    connection.events.ready()
    connection.events.lost(refused)
    expect(told).to.deep.equal([
      ...['up', 'down', 'the connection was closed'],
      ...['connect ECONNREFUSED', 'WRONGPASS', 'connect ECONNREFUSED'],
      ...['up', 'down', 'connect ECONNREFUSED'],
    ])
  })

  it('counts how often it came back', () => {
    expect(link.reconnects).to.equal(0)
    connection.events.ready()
    expect(link.reconnects).to.equal(0)
    connection.events.lost(undefined)
    connection.events.ready()
    expect(link.reconnects).to.equal(1)
  })

  const replies: readonly (readonly [string, string])[] = [
    ['ERR value is not an integer', 'Error: ERR value is not an integer'],
    ['LOADING Redis is loading', 'RedisUnavailable: LOADING Redis is loading'],
    ['READONLY You can not write', 'RedisUnavailable: READONLY You can not write'],
    ['OOM command not allowed', 'RedisUnavailable: OOM command not allowed'],
    ['CLUSTERDOWN Hash slot', 'RedisUnavailable: CLUSTERDOWN Hash slot'],
  ]
  for (const [reply, error] of replies) {
    it(`makes of the reply ${JSON.stringify(reply)} the error ${JSON.stringify(error)}`, async () => {
      connection.events.ready()
      const answer = outcome(link.call('incr', ['a']))
      const sent = await connection.sent.next()
      sent.fail('ReplyError', reply)
      expect(await answer).to.equal(error)
    })
  }

  it('does not pass on the arguments that the library keeps in its errors', async () => {
    connection.events.ready()
    const answer = link.call('auth', ['secret']).catch((error: unknown) => error)
    const sent = await connection.sent.next()
    sent.fail('AbortError', 'Command aborted due to connection close')
    const error = await answer
    expect(error).to.be.instanceOf(RedisUnavailable)
    expect(JSON.stringify({ ...(error as Error) })).not.to.match(/secret/)
  })

  it('is closed once what was sent is answered', async () => {
    connection.events.ready()
    const answer = link.call('get', ['a'])
    const closed = link.close()
    const sent = await connection.sent.next()
    expect(connection.isClosed).to.equal(false)
    sent.answer('b')
    await closed
    expect(await answer).to.equal('b')
    expect(connection.isClosed).to.equal(true)
  })
})
